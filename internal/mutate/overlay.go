package mutate

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Overlay writes into dir what the compiler is to read in the place of file, an absolute path, and returns the path of what "go build
// -overlay" has to be told. Another Overlay in the same dir replaces it.
func Overlay(dir, file string, text []byte) (string, error) {
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, text, 0o600); err != nil {
		return "", err
	}
	data, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, data, 0o600)
}
