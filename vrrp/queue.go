package vrrp

// queue of jobs, first in, first out.
type queue struct {
	jobs []*job
	head int
}

func (q *queue) empty() bool { return q.head == len(q.jobs) }

func (q *queue) push(j *job) {
	if q.head > len(q.jobs)/2 { // most of it is used up
		n := copy(q.jobs, q.jobs[q.head:])
		clear(q.jobs[n:])
		q.jobs, q.head = q.jobs[:n], 0
	}
	q.jobs = append(q.jobs, j)
}

// pushFront puts back the job that was popped last, if nothing was pushed since.
func (q *queue) pushFront(j *job) {
	q.head--
	q.jobs[q.head] = j
}

// pop returns the oldest job, or nil.
func (q *queue) pop() *job {
	if q.empty() {
		return nil
	}
	j := q.jobs[q.head]
	q.jobs[q.head] = nil
	q.head++
	return j
}
