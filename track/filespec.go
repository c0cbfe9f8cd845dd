package track

// FileSpec is one track_file.
type FileSpec struct {
	Name string
	Path string
}
