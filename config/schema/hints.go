package schema

import (
	"regexp"
	"strings"

	"holdfast.dev/config/diag"
)

// old are words of other days, of forks, and of the manual page that no version knows.
var old = map[string]string{
	"lvs_id":              "router_id is its name now",
	"nat_mask":            "it has had no effect for long: leave the line out",
	"script_security":     "enable_script_security, in global_defs, is what it is called",
	"local_address_group": "this is of a fork of keepalived for full NAT",
	"laddr_group_name":    "this is of a fork of keepalived for full NAT",
	"state_file_location": "the manual page is wrong: state_dump_file is its name",
	"stats_file_location": "the manual page is wrong: stats_dump_file is its name",
	"json_file_location":  "the manual page is wrong: json_dump_file is its name",
	"use_syslink_paths":   "the manual page is wrong: use_symlink_paths is its name",
	"include_once":        "include is what there is; it reads a file again each time",
}

// bygone is a hint for a word that is no keyword for a reason of its own, or nothing.
func bygone(word string) string {
	for _, mark := range []string{"<<<<<<<", "=======", ">>>>>>>"} {
		if strings.HasPrefix(word, mark) {
			return "this is the mark of a merge conflict that nobody has resolved"
		}
	}
	return old[word]
}

var (
	definition  = regexp.MustCompile(`\$(\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)
	placeholder = regexp.MustCompile(`^(<[^>]+>|@[A-Za-z0-9_]+@|__[A-Z0-9_]+__)`)
)

// unfilled is a hint for a value that somebody or something should have replaced, or nothing.
func unfilled(word string) string {
	if m := definition.FindStringSubmatch(word); m != nil {
		name := m[2] + m[3]
		return "nothing above says $" + name + "=VALUE, so it stays as it is; of the environment it would be ${_ENV " + name + "}"
	}
	if m := placeholder.FindString(word); m != "" {
		return m + " was to be replaced by a value"
	}
	return ""
}

// template is a hint for a brace that a definition, a template engine or a shell should have replaced, or nothing.
func template(pos diag.Pos) string {
	src, _ := pos.Source()
	if at := int(pos.Col) - 2; at >= 0 && at < len(src) && src[at] == '$' {
		if m := definition.FindString(src[at:]); m != "" && strings.HasPrefix(src[at:], m) {
			return unfilled(m)
		}
		return "braces always begin a block: ${NAME} stands for a definition; there are no other forms, such as the shell's ${NAME:-VALUE}"
	}
	if strings.Contains(src, "{{") || strings.Contains(src, "{%") {
		return "braces always begin a block: was this template to be filled in first?"
	}
	return ""
}

var version = regexp.MustCompile(`(since|after) ([0-9.]+)`)

// since is a hint that says since when a keyword is deprecated, where that is known as a version.
func since(old string) string {
	if m := version.FindStringSubmatch(old); m != nil {
		return m[1] + " keepalived " + m[2]
	}
	return ""
}

// unset is a hint for a 0 where 0 is what holds without the line, or nothing.
func unset(key *Keyword, word string) string {
	if word == "0" && strings.HasPrefix(key.Default, "0 = ") {
		return "leave the line out: without it, it is " + key.Default
	}
	return ""
}
