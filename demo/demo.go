// Package demo shows a live failover to somebody who has never seen one: two routers, a client and a switch in network
// namespaces, real daemons with a real configuration, three accidents, and what they cost the client.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"holdfast.dev/internal/netns"
)

// show is one run.
type show struct {
	*timeline
	world  *world
	client *client

	mu       sync.Mutex
	previous map[string]string // last meaning printed per host, so that a repeated advert is told once
	dead     map[string]bool
	cut      map[string]bool // its cable is unplugged: nobody hears what it says
	closing  bool
	results  []result
}

// result is one line of the summary.
type result struct {
	what      string
	outage    time.Duration
	low, high time.Duration // what the protocol allows, or the planned hand-over
	starved   time.Duration // of it the machine's own
}

// Run performs the demonstration, writing to out. It needs the right to make network namespaces; see netns.Able. Whatever happens,
// nothing is left behind. It fails if the address did not move as it should.
func Run(ctx context.Context, out io.Writer) (err error) {
	if err := netns.Able(); err != nil {
		return fmt.Errorf("this needs network namespaces: %w", err)
	}
	dir, err := os.MkdirTemp("", "holdfast-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &show{timeline: newTimeline(out), previous: map[string]string{}, dead: map[string]bool{}, cut: map[string]bool{}}
	defer s.timeline.close()
	if s.world, err = newWorld(dir); err != nil {
		return fmt.Errorf("build the network: %w", err)
	}
	defer func() {
		s.mu.Lock()
		s.closing = true
		s.mu.Unlock()
		s.world.close()
	}()
	if s.client, err = newClient(s.world, s.answeredBy); err != nil {
		return err
	}
	defer s.client.close()
	s.introduce()
	for _, act := range []func(context.Context) error{s.begin, s.unplug, s.leave, s.crash} {
		if err := act(ctx); err != nil {
			return s.explain(err)
		}
	}
	return s.summarise()
}

func (s *show) introduce() {
	s.text(`A service has one address, %s, and two machines that can answer for it: alpha and beta. Only one may hold the address
at a time. They settle which by VRRP: the one that holds it, the MASTER, says so once a second in a short message, an advert. The other
one, BACKUP, listens. When no more adverts come it takes the address over. If both could be MASTER, the higher priority decides.

A client asks %s "who are you?" every %d ms and never learns that there are two. How long it gets no answer is
what an accident costs; nothing else is measured here.

      client %s
         |
      [switch]
       |    |
   alpha    beta
 %s  %s
`, vip, vip, askEvery/time.Millisecond, clientAddr, s.world.hosts[0].addr, s.world.hosts[1].addr)
	s.text("This is alpha's keepalived.conf; beta's differs in the priority, 100:\n\n%s", indent(config(s.world.hosts[0])))
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}

// Durations of the configuration: advert_int 1, priorities 200 and 100.
const (
	interval  = time.Second
	alphaDown = 3*interval + (256-200)*interval/256 // Active_Down_Interval of alpha
	betaDown  = 3*interval + (256-100)*interval/256 // and of beta
	betaSkew  = (256 - 100) * interval / 256        // Skew_Time of beta
	patience  = time.Minute
	restTime  = 1500 * time.Millisecond
)

func (s *show) begin(ctx context.Context) error {
	s.title("Both routers start")
	for _, h := range s.world.hosts {
		if err := s.start(h); err != nil {
			return err
		}
	}
	s.text("Nobody is MASTER yet. Each waits for three adverts and a bit, and the bit is the shorter the higher the priority:\n"+
		"alpha waits %s, beta %s.", seconds(alphaDown), seconds(betaDown))
	return s.servedBy(ctx, "alpha")
}

// unplug pulls the cable of the master and plugs it in again.
func (s *show) unplug(ctx context.Context) error {
	s.title("1. alpha's cable is unplugged")
	s.text("beta hears nothing any more. It waits %s from the last advert, which came up to a second before the accident.", seconds(betaDown))
	if err := s.accident(ctx, "alpha's cable is unplugged", "beta", betaDown-interval, betaDown, func() error {
		s.say("", "*** alpha's cable is unplugged")
		s.setCut("alpha", true)
		return s.world.lan.SetDown("alpha")
	}); err != nil {
		return err
	}
	s.text("The cable is repaired. alpha has the higher priority, so it will take the address back; beta serves until then.")
	s.say("", "*** alpha's cable is plugged in again")
	s.client.reset()
	if err := s.world.lan.SetUp("alpha"); err != nil {
		return err
	}
	s.setCut("alpha", false)
	if err := s.servedBy(ctx, "alpha"); err != nil {
		return err
	}
	return s.note(ctx, "alpha comes back and takes over", 0, 100*time.Millisecond)
}

// leave stops the master as a service manager does.
func (s *show) leave(ctx context.Context) error {
	s.title("2. alpha is stopped for maintenance")
	alpha := s.world.hosts[0]
	s.text("No accident: alpha says goodbye and goes on answering until beta has the address, which takes beta %s. The client should not notice.",
		seconds(betaSkew))
	if err := s.accident(ctx, "alpha is stopped for maintenance", "beta", 0, 100*time.Millisecond, func() error {
		s.say("", "*** alpha's daemon is told to stop (SIGTERM)")
		return alpha.daemon.term(ctx)
	}); err != nil {
		return err
	}
	s.say("", "*** alpha's daemon is started again")
	if err := s.start(alpha); err != nil {
		return err
	}
	return s.servedBy(ctx, "alpha")
}

// crash takes the master away without a warning.
func (s *show) crash(ctx context.Context) error {
	s.title("3. alpha's power fails")
	s.text("All its processes are gone at once, and nobody says goodbye.")
	alpha := s.world.hosts[0]
	return s.accident(ctx, "alpha's power fails", "beta", betaDown-interval, betaDown, func() error {
		s.silence(alpha.name)
		s.say("", "*** alpha is dead")
		if err := s.world.lan.SetDown("alpha"); err != nil {
			return err
		}
		alpha.daemon.kill()
		return nil
	})
}

// accident lets something happen and waits until the client is served by the survivor.
func (s *show) accident(ctx context.Context, what, survivor string, low, high time.Duration, happen func() error) error {
	if err := pause(ctx, restTime); err != nil {
		return err
	}
	s.client.reset()
	if err := happen(); err != nil {
		return err
	}
	if err := s.servedBy(ctx, survivor); err != nil {
		return err
	}
	return s.note(ctx, what, low, high)
}

// note adds the outage since the last reset to the summary.
func (s *show) note(ctx context.Context, what string, low, high time.Duration) error {
	if err := pause(ctx, restTime/3); err != nil {
		return err
	}
	r := result{what: what, outage: s.client.outage(), low: low, high: high, starved: s.client.starved()}
	s.results = append(s.results, r)
	s.say("client", "was without an answer for %s; expected: %s", seconds(r.outage), allowed(r))
	s.settle()
	return nil
}

func allowed(r result) string {
	if r.low == 0 {
		return "up to " + seconds(r.high)
	}
	return seconds(r.low) + " to " + seconds(r.high)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func (s *show) start(h *host) error {
	s.say(h.name, "starts (priority %d)", h.priority)
	return start(h, s.world.dir, s.logged)
}

// silence stops printing what a host that counts as dead may still say.
func (s *show) silence(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead[host] = true
}

// setCut notes that nobody hears a host, or that it is heard again.
func (s *show) setCut(host string, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut[host] = cut
}

// logged prints what a daemon's log says, in plain words.
func (s *show) logged(host, line string) {
	m := meaning(line)
	s.mu.Lock()
	skip := m == "" || s.closing || s.dead[host] || s.previous[host] == m || m == goodbye && s.cut[host]
	if !skip {
		s.previous[host] = m
	}
	s.mu.Unlock()
	if !skip {
		s.say(host, "%s", m)
	}
}

func (s *show) answeredBy(who string) { s.say("client", "is answered by %s", who) }

// servedBy waits until the client was answered by the router a moment ago.
func (s *show) servedBy(ctx context.Context, name string) error {
	limit := time.Now().Add(patience)
	for {
		who, last := s.client.served()
		if who == name && time.Since(last) < 10*askEvery {
			return nil
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%s did not take over within %v", name, patience)
		}
		if err := pause(ctx, askEvery); err != nil {
			return err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// explain adds the end of the daemons' logs to a failure.
func (s *show) explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return errors.New("interrupted")
	}
	for _, h := range s.world.hosts {
		if h.daemon == nil {
			continue
		}
		h.daemon.kill()
		s.text("\nthe last lines of %s's log:\n%s", h.name, indent(strings.Join(h.daemon.last, "\n")))
	}
	return err
}

func (s *show) summarise() error {
	s.title("What the client noticed")
	late := 0
	for _, r := range s.results {
		verdict := "ok"
		switch {
		case r.outage > r.high+tolerance+r.starved:
			verdict = "TOO LONG"
			late++
		case r.outage > r.high:
			verdict = "ok for a busy machine"
		}
		s.text("  %-36s  %s   expected: %-17s %s", r.what, seconds(r.outage), allowed(r), verdict)
	}
	s.text("\nAdverts came once a second, keepalived's default. With version 3 and advert_int 0.1 an accident costs a tenth of this.\n" +
		"Everything is cleaned up.")
	if late > 0 {
		return fmt.Errorf("%d outages were longer than expected", late)
	}
	return nil
}

// tolerance is what a busy machine may add before an outage counts as too long, beside what the client noticed of it itself.
const tolerance = 400 * time.Millisecond
