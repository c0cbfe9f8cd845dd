package config

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/config/diag"
	"holdfast.dev/config/expand"
	"holdfast.dev/config/lex"
	"holdfast.dev/config/schema"
)

// Load reads the configuration at path, which may be a pattern, and everything that it includes. It never fails half
// way: Result.Diags has all that is wrong, and Result.Config is nil only when keepalived would refuse to run too, or
// with Env.Strict when there is any error.
func Load(files expand.Files, path string, env Env) Result {
	diags := new(diag.List)
	lines := expand.New(files, path, env.Expand, diags)
	var merged strings.Builder
	var stream schema.Stream = lines
	if env.Merge {
		stream = copied{lines, &merged}
	}
	b := newBuilder(files, &env, diags)
	first := early{builder: b}
	tree, ragged := schema.Parse(stream, env.Test, diags, first.hear(steer(lines, diags)), first.take)
	switch {
	case ragged && diags.Lost() == 0: // of a text with more findings than are kept nobody wants to know that exactly
		diags = new(diag.List)
		b = newBuilder(files, &env, diags)
		tree = schema.ParseRagged(func() (schema.Stream, func(*schema.Node)) {
			lines := expand.New(files, path, env.Expand, diags)
			return lines, steer(lines, diags)
		}, env.Test, diags)
	case first.wrong:
		diags = new(diag.List)
		b = newBuilder(files, &env, diags)
		lines = expand.New(files, path, env.Expand, diags)
		tree, _ = schema.Parse(lines, env.Test, diags, steer(lines, diags), nil)
	}
	cfg := b.build(tree)
	r := Result{Config: cfg, Namespace: cfg.Process.Namespace, Diags: diags, Merged: merged.String()}
	if diags.Fatal() || env.Strict && diags.Count(diag.Error) > 0 {
		r.Config = nil
	}
	return r
}

// copied is a stream of which a copy is kept.
type copied struct {
	schema.Stream
	to *strings.Builder
}

func (c copied) Next() (line *lex.Line, ok bool) {
	if line, ok = c.Stream.Next(); ok {
		c.to.WriteString(line.Text)
		c.to.WriteByte('\n')
	}
	return line, ok
}

// builder makes the model from the tree. It lives for one load.
type builder struct {
	files  expand.Files
	env    *Env
	diags  *diag.List
	cfg    *Config
	drafts []*draft
	early  []earlyService // in the order of the file
	placed int            // how many of them are in the model

	groups        []*groupDraft
	scripts       map[string]*scriptDraft
	trackGroups   map[string]int        // 1 + the index
	seen          map[any]any           // see seen
	targets       map[targetName]target // what stands earlier in the file and can be tracked
	serviceGroups map[string]*ServiceGroup
	groupOrder    []*ServiceGroup                 // service groups in the order of the file
	linkNames     set[string]                     // names of virtual interfaces
	linkNumbers   map[string]int                  // how many names of a stem and VRID are taken
	unranked      uint32                          // rules without a preference so far, in all blocks: each has a lower one
	names         map[*nameFile]map[string]uint32 // files of iproute2 that were read
	silent        *Notify                         // of instances without scripts
	garps         map[Garp]*Garp
	globalPos     diag.Pos
	transport     *carryDraft     // what global_defs says
	syncID        bool            // lvs_sync_daemon has an ID
	garpIfaces    set[string]     // members of garp groups
	order         []*scriptDraft  // scripts in the order of the file
	later         map[string]bool // names of scripts that the file defines further down
	scriptUses    int             // scripts of VRRP configured, for rule R6
	checkUses     int             // of the checkers
	startUses     int             // startup_script and shutdown_script
	insecure      bool
	userFailed    bool   // there is no default user for scripts
	badUser       string // its name
	badIface      bool   // an interface that must exist does not
}

func newBuilder(files expand.Files, env *Env, diags *diag.List) *builder {
	b := &builder{
		files: files, env: env, diags: diags, cfg: &Config{ID: configID(&env.Expand)}, transport: nothingCarried,
		scripts: make(map[string]*scriptDraft), later: make(map[string]bool),
		trackGroups: make(map[string]int), seen: make(map[any]any), linkNumbers: make(map[string]int), garpIfaces: make(set[string]), linkNames: make(set[string]),
		targets: make(map[targetName]target), serviceGroups: make(map[string]*ServiceGroup),
		names: make(map[*nameFile]map[string]uint32), garps: make(map[Garp]*Garp), silent: new(Notify),
	}
	b.cfg.Global.Mail.Real = true // unless told otherwise, for what is built before globals is called
	return b
}

// build makes the model: first every block on its own, then what they mean to each other.
func (b *builder) build(tree []schema.Node) *Config {
	for i := range tree {
		if tree[i].Key.Name == "vrrp_script" {
			b.later[tree[i].Name()] = true
		}
	}
	b.globals(tree)
	for i := range tree {
		b.top(&tree[i])
	}
	b.finish()
	b.findUnbuilt(tree)
	compact(b.cfg)
	return b.cfg
}

// configID is what "@id" lines are compared with.
func configID(env *expand.Env) string {
	if env.ConfigID != "" {
		return env.ConfigID
	}
	id, _, _ := strings.Cut(env.NodeName, ".")
	return id
}

// top reads one block of the top level.
func (b *builder) top(n *schema.Node) {
	switch n.Key.Name {
	case "global_defs":
	case "vrrp_instance":
		b.cfg.Parts.VRRP = true
		b.drafts = append(b.drafts, b.instance(n))
	case "vrrp_sync_group":
		b.group(n)
	case "vrrp_script":
		b.script(n)
	case "static_ipaddress":
		b.cfg.Parts.VRRP = true
		b.static(n)
	case "track_group":
		b.trackGroup(n)
	case "garp_group":
		b.garpGroup(n)
	case "interface_up_down_delays":
		b.debounce(n)
	default:
		b.process(n)
	}
}

// finish resolves what blocks mean to each other.
func (b *builder) finish() {
	b.members()
	for _, d := range b.drafts {
		b.complete(d)
	}
	b.groupTracking()
	b.clashes()
	b.carryClashes()
	if len(b.drafts) > 0 {
		b.cfg.Instances = make([]Instance, 0, len(b.drafts))
	}
	for _, d := range b.drafts {
		b.cfg.Instances = append(b.cfg.Instances, d.Instance)
	}
	for _, g := range b.groupOrder {
		b.cfg.ServiceGroups = append(b.cfg.ServiceGroups, *g)
	}
	b.finishSync()
	b.usedScripts()
	b.capDebounce()
	if b.badIface {
		b.say(diag.Pos{}, diag.Fatal, diag.BadInterface, "",
			"Non-existent interface specified in configuration", "dynamic_interfaces allows interfaces that come later")
	}
	b.scriptSecurity()
}

// say reports a finding about what is called who: an instance, a group, a script; empty for nobody.
func (b *builder) say(pos diag.Pos, s diag.Severity, c diag.Class, who, text, hint string) {
	if who != "" {
		text = "(" + who + ") " + text
	}
	b.diags.Add(diag.Diagnostic{Pos: pos, Severity: s, Class: c, Text: text, Hint: hint})
}

// errorf reports a survivable error of the general class.
func (b *builder) errorf(pos diag.Pos, who, format string, args ...any) {
	b.say(pos, diag.Error, diag.GeneralError, who, fmt.Sprintf(format, args...), "")
}

// fatalf reports what keepalived refuses to run with.
func (b *builder) fatalf(pos diag.Pos, who, format string, args ...any) {
	b.say(pos, diag.Fatal, diag.GeneralError, who, fmt.Sprintf(format, args...), "")
}

// notef reports what keepalived only logs: the exit code of a test does not change.
func (b *builder) notef(pos diag.Pos, who, format string, args ...any) {
	b.say(pos, diag.Warning, diag.OK, who, fmt.Sprintf(format, args...), "")
}

// at makes a Pos of the model.
func at(p diag.Pos) Pos {
	return NewPos(p.Name(), int(p.Line), int(p.Col))
}

// steer hears keywords that change how the rest of the text is read.
func steer(lines *expand.Reader, diags *diag.List) func(*schema.Node) {
	return func(n *schema.Node) {
		switch n.Key.Name {
		case "random_seed":
			if v, ok := n.Arg(0); ok {
				lines.SetSeed(uint32(v.Int))
			}
		case "include_check":
			lines.SetIncludeCheck(includeChecks(n, lines.IncludeCheck(), diags))
		}
	}
}

var checkWords = map[string]expand.Checks{
	"read": expand.CheckRead, "match": expand.CheckMatch, "wildcard_match": expand.CheckWildcard, "brace_match": expand.CheckBrace,
}

// includeChecks is what the keyword include_check makes of the checks in force (preprocessor.md section 8). A plain word
// replaces them and must come first.
func includeChecks(n *schema.Node, now expand.Checks, diags *diag.List) expand.Checks {
	if len(n.Args) == 0 {
		return expand.CheckAll
	}
	for i, v := range n.Args {
		switch {
		case !v.OK:
		case v.Text[0] == '+':
			now |= checkWords[v.Text[1:]]
		case v.Text[0] == '-':
			now &^= checkWords[v.Text[1:]]
		case i == 0:
			now = expand.CheckRead | checkWords[v.Text]
		default:
			diags.Add(diag.Diagnostic{
				Pos: v.Pos, Severity: diag.Error, Class: diag.GeneralError,
				Text: fmt.Sprintf("Duplicate include_check '%s' specified - ignoring", v.Text), Hint: "write +" + v.Text + " to add it",
			})
		}
	}
	return now
}

// iface looks up an interface that a line names. known is false when nothing is known about interfaces at all.
func (b *builder) iface(name string) (facts Interface, exists, known bool) {
	if b.env.Interface == nil {
		return Interface{}, false, false
	}
	facts, exists = b.env.Interface(name)
	return facts, exists, true
}

// needIface reports an interface that is not there; it is fatal unless interfaces may come later (rule L2).
func (b *builder) needIface(pos diag.Pos, name, what string) {
	if _, exists, known := b.iface(name); exists || !known {
		return
	}
	if b.cfg.Global.VRRP.DynamicInterfaces != DynamicOff {
		return
	}
	b.badIface = true
	b.say(pos, diag.Error, diag.GeneralError, "", fmt.Sprintf("WARNING - interface %s for %s doesn't exist", name, what), "")
}

// find is the tree's nodes of one keyword.
func find(body []schema.Node, key string) *schema.Node {
	if i := slices.IndexFunc(body, func(n schema.Node) bool { return n.Key.Name == key }); i >= 0 {
		return &body[i]
	}
	return nil
}
