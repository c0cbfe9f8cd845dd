// Package sample writes configurations as people write them, for tests: whole files for the products and uses that
// keepalived is known for, with the habits, leftovers and mistakes that such files have, and mutants of them with one
// thing wrong. What comes out depends on the seed alone. The language of lines.txt and products.txt is that of [grammar].
package sample
