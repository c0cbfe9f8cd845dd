package config

import (
	"encoding/json"
	"fmt"
	"unique"
)

// Pos is where something stands in the text. Line and Column count from one; the zero Pos is "nowhere". A large
// configuration has many of them, so the name of the file is kept once.
type Pos struct {
	Line   int32 `json:",omitzero"`
	Column int32 `json:",omitzero"`
	file   unique.Handle[string]
}

// File is the path as it was opened; empty for nowhere.
func (p Pos) File() string {
	if p.file == (unique.Handle[string]{}) {
		return ""
	}
	return p.file.Value()
}

// NewPos makes a Pos.
func NewPos(file string, line, column int) Pos {
	p := Pos{Line: int32(line), Column: int32(column)}
	if file != "" {
		p.file = unique.Make(file)
	}
	return p
}

// String gives file:line:col.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File()
	}
	return fmt.Sprintf("%s:%d:%d", p.File(), p.Line, p.Column)
}

// posJSON is the form of a Pos in JSON.
type posJSON struct {
	File   string `json:",omitzero"`
	Line   int    `json:",omitzero"`
	Column int    `json:",omitzero"`
}

// MarshalJSON gives an object with the fields File, Line and Column.
func (p Pos) MarshalJSON() ([]byte, error) {
	return json.Marshal(posJSON{p.File(), int(p.Line), int(p.Column)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Pos) UnmarshalJSON(data []byte) error {
	var j posJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*p = NewPos(j.File, j.Line, j.Column)
	return nil
}
