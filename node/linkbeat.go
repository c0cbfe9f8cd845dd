package node

import (
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast.dev/config"
	"holdfast.dev/host"
)

// beatEvery is how often interfaces are asked whether their link is there.
const beatEvery = time.Second

// linkBeats asks drivers whether their link is there, for interfaces of which the kernel would not tell by itself: what a driver says
// replaces it (rule L18). It has a goroutine of its own, because a driver may take its time.
type linkBeats struct {
	pass func(*host.Report) // is handed all that concerns interfaces, in order
	say  func(text string)
	ask  func(link, method string) (up, ok bool)

	mu      sync.Mutex
	polled  polled
	links   map[string]host.Link // as the kernel told of them
	beats   map[string]bool      // what drivers said last
	refused map[string]bool      // interfaces that no method works for, and that were told of
	wake    chan struct{}
	stop    chan struct{}
	done    sync.WaitGroup
}

// polled are the interfaces to be asked, with the method: MII, ETHTOOL or IOCTL; empty is the first that works.
type polled struct {
	all     bool
	methods map[string]string
}

// polledOf is what a configuration wants to be asked.
func polledOf(c *config.Config) polled {
	p := polled{all: c.Process.LinkbeatPolling, methods: map[string]string{}}
	for i := range c.Instances {
		if in := &c.Instances[i]; in.Rare != nil && in.Rare.LinkbeatPolling && in.Interface != "" {
			p.methods[in.Interface] = ""
		}
	}
	for _, l := range c.Linkbeat {
		p.methods[l.Interface] = l.Method
	}
	return p
}

func (p *polled) method(link string) (method string, ok bool) {
	method, ok = p.methods[link]
	return method, ok || p.all
}

func newLinkBeats(pass func(*host.Report), say func(string)) *linkBeats {
	b := &linkBeats{
		pass: pass, say: say, ask: askDriver, links: map[string]host.Link{}, beats: map[string]bool{}, refused: map[string]bool{},
		wake: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	return b
}

// Start begins to ask.
func (b *linkBeats) Start() { b.done.Go(b.run) }

// Use says who is to be asked from now on.
func (b *linkBeats) Use(p polled) {
	b.mu.Lock()
	defer b.mu.Unlock()
	was := b.polled
	b.polled = p
	clear(b.refused)
	for name, lk := range b.links {
		_, before := was.method(name)
		if _, now := p.method(name); before && !now { // the kernel's word counts again
			delete(b.beats, name)
			b.changed(lk)
		}
	}
	poke(b.wake)
}

// Take takes in what the kernel tells of interfaces, and hands on what is to be made of that.
func (b *linkBeats) Take(rep *host.Report) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range rep.Gone {
		delete(b.links, name)
		delete(b.beats, name)
		delete(b.refused, name)
	}
	out := *rep
	out.Changed = slices.Clone(rep.Changed)
	for i := range out.Changed {
		lk := &out.Changed[i]
		b.links[lk.Name] = *lk
		*lk = b.judged(*lk)
		if _, ok := b.polled.method(lk.Name); ok {
			poke(b.wake)
		}
	}
	b.pass(&out)
}

// changed hands on what a driver has said, or that it says nothing any more.
func (b *linkBeats) changed(lk host.Link) { b.pass(&host.Report{Changed: []host.Link{lk}}) }

// judged is an interface as its driver has it.
func (b *linkBeats) judged(lk host.Link) host.Link {
	if up, ok := b.beats[lk.Name]; ok {
		lk.Running = up
	}
	return lk
}

func (b *linkBeats) run() {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
		case <-b.wake:
		}
		for name, method := range b.due() {
			up, ok := b.ask(name, method)
			b.answered(name, up, ok)
		}
	}
}

// due are the interfaces to be asked.
func (b *linkBeats) due() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]string{}
	for name, lk := range b.links {
		if method, ok := b.polled.method(name); ok && !lk.Loopback {
			out[name] = method
		}
	}
	return out
}

func (b *linkBeats) answered(name string, up, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	lk, there := b.links[name]
	if _, wanted := b.polled.method(name); !there || !wanted {
		return
	}
	if !ok {
		if !b.refused[name] && !b.polled.all {
			b.say("linkbeat: the driver of " + name + " does not tell whether its link is there, so the kernel's word counts")
		}
		b.refused[name] = true
		if _, told := b.beats[name]; told {
			delete(b.beats, name)
			b.changed(lk)
		}
		return
	}
	before := b.judged(lk)
	b.beats[name] = up
	if now := b.judged(lk); now.Running != before.Running {
		b.changed(now)
	}
}

// Close ends the asking.
func (b *linkBeats) Close() {
	close(b.stop)
	b.done.Wait()
}

// Requests of ethtool and of the registers of a network chip that every one has (IEEE 802.3 clause 22.2.4).
const (
	ethtoolGetLink = 0x0a // ETHTOOL_GLINK
	miiStatus      = 1    // the basic mode status register, BMSR
	miiLink        = 0x4  // its bit that says that the link is there
)

// ifreq is struct ifreq with what an ioctl of a driver takes behind the name.
type ifreq struct {
	name [unix.IFNAMSIZ]byte
	data [24]byte
}

// ifreqTo is struct ifreq with a pointer behind the name.
type ifreqTo struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}

// askDriver asks the driver of an interface by a method, or by the first that works. ok is false where none does.
func askDriver(link, method string) (up, ok bool) {
	var name [unix.IFNAMSIZ]byte
	if copy(name[:], link) == len(name) {
		return false, false
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, false
	}
	defer unix.Close(fd)
	for _, m := range []struct {
		name string
		ask  func(fd int, name [unix.IFNAMSIZ]byte) (up, ok bool)
	}{{"MII", askMII}, {"ETHTOOL", askEthtool}, {"IOCTL", askFlags}} {
		if method != "" && method != m.name {
			continue
		}
		if up, ok = m.ask(fd, name); ok {
			return up, true
		}
	}
	return false, false
}

func ioctl(fd int, number uintptr, r unsafe.Pointer) bool {
	_, _, no := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), number, uintptr(r))
	return no == 0
}

// askMII reads the status register. Its link bit stays off once it was, until it was read: so it is read twice.
func askMII(fd int, name [unix.IFNAMSIZ]byte) (up, ok bool) {
	r := ifreq{name: name} // phy id, register, value in, value out: 16 bits each
	if !ioctl(fd, unix.SIOCGMIIPHY, unsafe.Pointer(&r)) {
		return false, false
	}
	mii := (*[4]uint16)(unsafe.Pointer(&r.data[0]))
	for range 2 {
		mii[1] = miiStatus
		if !ioctl(fd, unix.SIOCGMIIREG, unsafe.Pointer(&r)) {
			return false, false
		}
	}
	if mii[3] == 0xffff { // nobody is there
		return false, false
	}
	return mii[3]&miiLink != 0, true
}

func askEthtool(fd int, name [unix.IFNAMSIZ]byte) (up, ok bool) {
	value := struct{ command, data uint32 }{command: ethtoolGetLink}
	r := ifreqTo{name: name, data: unsafe.Pointer(&value)}
	ok = ioctl(fd, unix.SIOCETHTOOL, unsafe.Pointer(&r))
	return value.data != 0, ok
}

func askFlags(fd int, name [unix.IFNAMSIZ]byte) (up, ok bool) {
	r := ifreq{name: name}
	ok = ioctl(fd, unix.SIOCGIFFLAGS, unsafe.Pointer(&r))
	return *(*uint16)(unsafe.Pointer(&r.data[0]))&unix.IFF_RUNNING != 0, ok
}
