package sim

// Recording is what was recorded of a process.
type Recording struct {
	Node  string
	Bytes []byte
	Full  bool // it ends before its time
}

// recordMore begins a recording of the process, if anybody wants to have it.
func (n *Node) recordMore() {
	if n.w.Record == 0 {
		return
	}
	r := &Recording{Node: n.name}
	n.recording = r
	err := n.driver.Record(n.w.Record, func(line []byte) bool {
		r.Bytes = append(r.Bytes, line...)
		return true
	})
	if err != nil {
		n.w.fail("record", "%v", err)
	}
}

// keepRecording ends the recording of the process.
func (n *Node) keepRecording() {
	if n.recording == nil {
		return
	}
	n.recording.Full = !n.driver.Recording()
	n.driver.End()
	n.w.Recordings = append(n.w.Recordings, *n.recording)
	n.recording = nil
}
