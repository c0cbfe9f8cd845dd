// Package auxrole is the role for all that needs neither a privilege nor haste: it watches what is tracked without a script. Each thing
// that it does is a Service; the role itself only obeys the supervisor and hands connections on.
package auxrole

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"holdfast.dev/config"
	"holdfast.dev/notify"
	"holdfast.dev/supervisor/role"
	"holdfast.dev/track"
)

// Generation is a configuration on its way into force.
type Generation struct {
	Number uint64
	Config *config.Config
	Reload bool // it is not the first of the daemon's life, or the role was started again
	// Events is a socket on which the kernel tells of processes, nil for none. The role closes it after Commit or Abort: who keeps it
	// duplicates it, or takes it by setting it to nil.
	Events *os.File
}

// Service is one thing that the role does. Its methods are called one at a time.
type Service interface {
	// Prepare does what can fail, and changes nothing that is in force.
	Prepare(g *Generation) error
	// Commit puts what was prepared last into force. It must not wait.
	Commit(g *Generation)
	// Abort forgets what was prepared.
	Abort()
	// Close ends everything, within a second or two.
	Close()
}

// Host is what services are given.
type Host struct {
	ctl *role.Conn

	mu      sync.Mutex
	peers   map[role.Name]*role.Conn
	all     map[*role.Conn]struct{} // peers, and former ones that are not read to their end yet
	greet   []func(name role.Name, conn *role.Conn)
	events  []func(conn *role.Conn, ev *notify.Event)
	leaveBy time.Time                // when the role is to end; set before the services are closed
	waiting map[string][]chan opened // files that were asked for
	closed  bool
	window  func(m *role.Window, files []*os.File) error // nil for nobody
	checks  func() []track.Report                        // what is known of built-in checks; nil for none
}

type opened struct {
	file *os.File
	err  error
}

func newHost(ctl *role.Conn) *Host {
	return &Host{
		ctl: ctl, peers: map[role.Name]*role.Conn{}, all: map[*role.Conn]struct{}{}, waiting: map[string][]chan opened{},
	}
}

// withoutSupervisor is how long what is queued may take when nobody is left who says how long.
const withoutSupervisor = 2 * time.Second

// Run is the main of the role. It returns after Stop, or when the supervisor is gone.
func Run(ctl *role.Conn, services ...func(*Host) Service) error {
	h := newHost(ctl)
	r := &aux{host: h}
	for _, make := range services {
		r.services = append(r.services, make(h))
	}
	err := r.obeyAll()
	if h.leaveBy.IsZero() {
		h.leaveBy = time.Now().Add(withoutSupervisor)
	}
	for _, s := range r.services {
		s.Close()
	}
	r.drop()
	h.close()
	_ = ctl.Send(role.Msg{Stopped: &role.Stopped{}})
	return err
}

// aux is the state of the role, all of it of the goroutine of Run.
type aux struct {
	host     *Host
	services []Service
	prepared *Generation
}

func (r *aux) obeyAll() error {
	for {
		m, files, err := r.host.ctl.Recv()
		switch {
		case errors.Is(err, role.ErrGarbage), errors.Is(err, role.ErrTooLong):
			closeAll(files)
			continue
		case err != nil:
			closeAll(files)
			return nil // the supervisor is gone: there is nobody to tell
		}
		stop := r.obey(m, files)
		closeAll(files)
		if stop {
			return nil
		}
	}
}

// obey does what one message asks for. Of files it sets to nil what it keeps.
func (r *aux) obey(m role.Msg, files []*os.File) (stop bool) {
	switch {
	case m.Prepare != nil:
		ready := role.Ready{Gen: m.Prepare.Gen}
		if err := r.prepare(m.Prepare, files); err != nil {
			ready.Err = err.Error()
		}
		_ = r.host.ctl.Send(role.Msg{Ready: &ready}) // that nobody hears it is found out by the next Recv
	case m.Commit != nil:
		r.commit(m.Commit.Gen)
	case m.Abort != nil:
		r.abort()
	case m.Peer != nil && len(files) == 1:
		r.host.meet(m.Peer.Role, files[0])
		files[0] = nil
	case m.Window != nil:
		if err := r.host.show(m.Window, files); err != nil {
			r.host.Say(8, 0, "nobody can ask this daemon anything: "+err.Error())
		}
	case m.Opened != nil:
		r.host.opened(m.Opened, files)
	case m.Stop != nil:
		within := m.Stop.Within
		r.host.leaveBy = time.Now().Add(within - min(within/5, 300*time.Millisecond))
		return true
	}
	return false
}

func (r *aux) prepare(p *role.Prepare, files []*os.File) error {
	r.abort()
	if len(files) == 0 {
		return errors.New("no configuration came with the message")
	}
	c, err := role.ReadConfig(files[0])
	if err != nil {
		return err
	}
	g := &Generation{Number: p.Gen, Config: c, Reload: p.Reload || p.Resume}
	if len(files) > 1 {
		g.Events, files[1] = files[1], nil
	}
	r.prepared = g
	for _, s := range r.services {
		if err := s.Prepare(g); err != nil {
			r.abort()
			return err
		}
	}
	return nil
}

func (r *aux) commit(gen uint64) {
	g := r.prepared
	if g == nil || g.Number != gen {
		r.host.Say(8, 0, "told to commit a configuration that was not prepared")
		return // without an answer the supervisor starts us anew
	}
	for _, s := range r.services {
		s.Commit(g)
	}
	r.drop()
	_ = r.host.ctl.Send(role.Msg{Done: &role.Gen{Gen: gen}})
}

func (r *aux) abort() {
	if r.prepared == nil {
		return
	}
	for _, s := range r.services {
		s.Abort()
	}
	r.drop()
}

// drop forgets what was prepared.
func (r *aux) drop() {
	if r.prepared != nil && r.prepared.Events != nil {
		_ = r.prepared.Events.Close()
	}
	r.prepared = nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// Say writes a line to the log; level has the numbers of log/slog, detail says how many -D it takes.
func (h *Host) Say(level, detail int, text string) {
	_ = h.ctl.Send(role.Msg{Log: &role.Log{Level: level, Detail: detail, Text: text, At: time.Now().UnixNano()}})
}

// Log writes a line to the log.
func (h *Host) Log(l role.Log) { _ = h.ctl.Send(role.Msg{Log: &l}) }

// show hands what belongs to the window to the service that is for it.
func (h *Host) show(m *role.Window, files []*os.File) error {
	switch {
	case len(files) != 3:
		return fmt.Errorf("%d descriptors came with the socket", len(files))
	case h.window == nil:
		return nil
	}
	return h.window(m, files)
}

// Tell sends the state of a tracked source to the vrrp role, if it is there.
func (h *Host) Tell(st track.State) {
	h.mu.Lock()
	c := h.peers[role.VRRP]
	h.mu.Unlock()
	if c != nil {
		_ = c.Send(role.Msg{Track: &st}) // a new process of that role is told anew
	}
}

// OnMeet has f called with every new connection to another role, from the goroutine that calls the services' methods.
func (h *Host) OnMeet(f func(name role.Name, conn *role.Conn)) { h.greet = append(h.greet, f) }

// OnEvent has f called with every notification, from a goroutine for each connection.
func (h *Host) OnEvent(f func(conn *role.Conn, ev *notify.Event)) { h.events = append(h.events, f) }

// awaitLastWords waits until the connections to other roles have ended, but no longer than until: what is in them is to be delivered.
func (h *Host) awaitLastWords(until time.Time) {
	for time.Now().Before(until) {
		h.mu.Lock()
		n := len(h.all)
		h.mu.Unlock()
		if n == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// meet takes a new connection in place of the one before, which is read to its end.
func (h *Host) meet(name role.Name, f *os.File) {
	c, err := role.NewConn(f)
	if err != nil {
		h.Say(8, 0, "connection to the "+string(name)+" process: "+err.Error())
		return
	}
	h.mu.Lock()
	h.peers[name] = c
	h.all[c] = struct{}{}
	h.mu.Unlock()
	for _, f := range h.greet {
		f(name, c)
	}
	go h.hear(name, c)
}

// hear reads until the connection ends.
func (h *Host) hear(name role.Name, c *role.Conn) {
	for {
		m, files, err := c.Recv()
		closeAll(files)
		if errors.Is(err, role.ErrGarbage) || errors.Is(err, role.ErrTooLong) {
			continue
		}
		if err != nil {
			break
		}
		if m.Event != nil {
			for _, f := range h.events {
				f(c, m.Event)
			}
		}
	}
	h.mu.Lock()
	delete(h.all, c)
	if h.peers[name] == c {
		delete(h.peers, name)
	}
	h.mu.Unlock()
	_ = c.Close()
}

// askWait is how long the supervisor may take to open a file.
const askWait = 10 * time.Second

// Open has the supervisor open a tracked file that this process may not.
func (h *Host) Open(spec track.FileSpec) (*os.File, error) {
	answer := make(chan opened, 1)
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, os.ErrClosed
	}
	h.waiting[spec.Name] = append(h.waiting[spec.Name], answer)
	h.mu.Unlock()
	if err := h.ctl.Send(role.Msg{Open: &role.Open{File: spec.Name}}); err != nil {
		h.forget(spec.Name, answer)
		return nil, err
	}
	select {
	case o := <-answer:
		return o.file, o.err
	case <-time.After(askWait):
		h.forget(spec.Name, answer)
		return nil, errors.New("permission denied, and the supervisor has not opened it in time either")
	}
}

// forget lets nobody wait for an answer any more: it would be given the file that another one has asked for.
func (h *Host) forget(name string, answer chan opened) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := slices.DeleteFunc(h.waiting[name], func(c chan opened) bool { return c == answer })
	if h.waiting[name] = left; len(left) == 0 {
		delete(h.waiting, name)
	}
}

// opened hands an answer to whoever waits for it. One that nobody waits for any more is closed by the finalizer of os.File.
func (h *Host) opened(m *role.Opened, files []*os.File) {
	h.mu.Lock()
	list := h.waiting[m.File]
	delete(h.waiting, m.File)
	h.mu.Unlock()
	for i, answer := range list { // there is one, but for a file that is asked for again
		o := opened{err: errors.New(m.Err)}
		if m.Err == "" && len(files) == 1 && i == 0 {
			o = opened{file: files[0]}
			files[0] = nil
		} else if m.Err == "" {
			o.err = errors.New("asked for twice")
		}
		answer <- o
	}
}

// close ends all connections and waits.
func (h *Host) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	h.mu.Lock()
	h.closed = true
	peers := maps.Clone(h.all) // each takes itself out of it when it ends
	h.peers = map[role.Name]*role.Conn{}
	waiting := h.waiting
	h.waiting = map[string][]chan opened{}
	h.mu.Unlock()
	for _, list := range waiting {
		for _, answer := range list {
			answer <- opened{err: os.ErrClosed}
		}
	}
	for c := range peers {
		_ = c.Flush(ctx)
		_ = c.Close()
	}
}
