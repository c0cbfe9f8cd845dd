package dump

import (
	"strconv"
	"strings"

	"holdfast.dev/config"
)

// matches are the words of param_match.
var matches = [...]string{config.MatchNone: "none", config.MatchExact: "exact", config.MatchInitial: "initial", config.MatchPartial: "partial"}

// processes is the list of tracked processes as configured. How many there are now is not known here and left out.
func (j *object) processes(c *config.Config) {
	j.b = append(j.b, '[')
	for i := range c.Processes {
		p := &c.Processes[i]
		if i > 0 {
			j.b = append(j.b, ',')
		}
		j.open()
		j.str("process", p.Process)
		j.str("parameters", strings.Join(p.Params, " "))
		j.str("param_match", matches[p.Match&3])
		j.num("min_processes", uint64(p.Quorum))
		if p.QuorumMax != nil {
			j.num("max_processes", uint64(*p.QuorumMax))
		}
		j.key("weight")
		j.b = strconv.AppendInt(j.b, int64(p.Weight), 10)
		j.secs("terminate_delay", p.TerminateDelay)
		j.secs("fork_delay", p.ForkDelay)
		j.flag("full_command", p.FullCommand)
		j.close()
	}
	j.b = append(j.b, ']')
}
