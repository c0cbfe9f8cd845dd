package host

// RoundOf is Round with batches of at most limit operations, so that a few of them are enough to have some left over.
func (r *Reconciler) RoundOf(k Kernel, limit int) (more bool, err error) { return r.round(k, limit) }
