package diag

// maxWord is the longest word that Nearest looks at; longer ones are no typing errors.
const maxWord = 64

// Nearest is the word of known that word was probably meant to be: the fewest letters inserted, left out, changed or
// swapped with their neighbour, at most a third of the word and at most 3. Of equals the first wins; ok is false when
// none is near, or when word itself is known.
func Nearest(word string, known []string) (best string, ok bool) {
	if word == "" || len(word) > maxWord {
		return "", false
	}
	limit := min(3, max(1, len(word)/3)) + 1
	for _, k := range known {
		if k == word {
			return "", false
		}
		if diff := len(k) - len(word); diff >= limit || -diff >= limit || len(k) > maxWord {
			continue
		}
		if d := distance(word, k); d < limit && d < len(word) {
			best, limit, ok = k, d, true
		}
	}
	return best, ok
}

// distance is the optimal string alignment distance of a and b; words that differ only in letter
// case are 1 apart.
func distance(a, b string) int {
	if equalFold(a, b) {
		return 1
	}
	var rows [3][maxWord + 1]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur, prev, before := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
