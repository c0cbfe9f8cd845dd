package runner

import (
	"sync"
	"time"

	"holdfast.dev/host"
	"holdfast.dev/supervisor/role"
)

// verifyEvery is how often is looked whether a firewall is as it was left.
const verifyEvery = 3 * time.Second

// mason carries out changes of a firewall for the vrrp role, one after another, and looks now and then whether it still stands.
type mason struct {
	chains Chains
	answer func(*role.Walled)
	say    func(text string)

	mu      sync.Mutex
	part    role.Wall  // what has come of the change that is not complete
	next    *role.Wall // to be carried out; a later one replaces it, for nobody waits for its answer any more
	wake    chan struct{}
	quit    chan struct{}
	done    chan struct{}
	started bool
}

func newMason(chains Chains, answer func(*role.Walled), say func(string)) *mason {
	return &mason{
		chains: chains, answer: answer, say: say,
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
}

// take takes a part of a change. It does not wait.
func (m *mason) take(w *role.Wall) {
	if m.chains == nil {
		m.answer(&role.Walled{ID: w.ID, Err: "this process can't run iptables"})
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.part.ID != w.ID || !m.part.More {
		m.part = role.Wall{ID: w.ID, Op: host.WallOp{Do: w.Op.Do, Wall: w.Op.Wall}}
	}
	m.part.Op.Add = append(m.part.Op.Add, w.Op.Add...)
	m.part.Op.Remove = append(m.part.Op.Remove, w.Op.Remove...)
	if m.part.More = w.More; w.More {
		return
	}
	whole := m.part
	m.next, m.part = &whole, role.Wall{}
	if !m.started {
		m.started = true
		go m.run()
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *mason) run() {
	defer close(m.done)
	verify := time.NewTicker(verifyEvery)
	defer verify.Stop()
	told := ""
	for {
		select {
		case <-m.quit:
			return
		case <-m.wake:
			m.carryOut()
		case <-verify.C:
			changed, err := m.chains.Changed()
			if changed {
				m.answer(&role.Walled{Changed: true})
			}
			text := ""
			if err != nil {
				text = "firewall: it is not known whether it still stands: " + err.Error()
			}
			if text != told && text != "" {
				m.say(text)
			}
			told = text
		}
	}
}

func (m *mason) carryOut() {
	m.mu.Lock()
	w := m.next
	m.next = nil
	m.mu.Unlock()
	if w == nil {
		return
	}
	answer := &role.Walled{ID: w.ID}
	if err := m.chains.Apply(&w.Op); err != nil {
		answer.Err = err.Error()
	}
	m.answer(answer)
}

// close ends it, after what is being carried out.
func (m *mason) close() {
	close(m.quit)
	m.mu.Lock()
	started := m.started
	m.started = true // nothing begins any more
	m.mu.Unlock()
	if started {
		<-m.done
	}
}
