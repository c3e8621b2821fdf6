package chart

// This file owns how wide text is, without a font at hand, and how it is broken
// into lines. The estimate is meant to be too wide rather than too narrow.

import "strings"

// Sizes of text in pixels, and the steps from line to line.
const (
	titleSize     = 20 // to measure by: it is 18, but bold
	titleStep     = 24 * px
	titleLines    = 3
	textSize      = 13 // subtitle, names of series, cells
	textStep      = 18 * px
	subtitleLines = 4
	smallSize     = 12 // axes
	smallStep     = 16 * px
)

// advance is the width of r in thousandths of the size: Helvetica's (Adobe's font
// metrics, Helvetica.afm) rounded up to that of a like letter.
func advance(r rune) int {
	switch {
	case r > 0x10ff: // Chinese, Japanese, Korean, symbols
		return 1100
	case r > '~':
		return 700
	case strings.ContainsRune(" !',./:;I[\\]fijlt|", r):
		return 278
	case strings.ContainsRune("\"()*-`r{}", r):
		return 389
	case strings.ContainsRune("Jckvxyzs", r):
		return 500
	case strings.ContainsRune("GOQ", r):
		return 778
	case strings.ContainsRune("Mm%Ww@", r):
		return 950
	case strings.ContainsRune("&ABCDEHKNPRSUVXY", r):
		return 722
	case strings.ContainsRune("#$^_0123456789?abdeghnopqu", r):
		return 556
	default: // + < = > F L T Z, and control characters
		return 611
	}
}

// textWidth is about how wide s is in a font of size pixels, with a tenth for fonts
// wider than Helvetica.
func textWidth(s string, size int) int {
	sum := 0
	for _, r := range s {
		sum += advance(r)
	}
	return (sum*size*11 + 999) / 1000 // thousandths of a pixel, times px, times 1.1
}

// fit breaks s into at most lines lines of at most width; white space counts as one
// space. A word that is too wide is broken anywhere. What finds no place is left out,
// and an ellipsis stands for it. It returns nothing if s is blank.
func fit(s string, size, width, lines int) []string {
	var out []string
	for _, word := range strings.Fields(s) {
		if n := len(out); n > 0 && textWidth(out[n-1]+" "+word, size) <= width {
			out[n-1] += " " + word
			continue
		}
		for word != "" {
			if len(out) == lines {
				out[lines-1] = cut(out[lines-1]+" …", size, width)
				return out
			}
			n := prefix(word, size, width)
			out = append(out, word[:n])
			word = word[n:]
		}
	}
	return out
}

// prefix is how many bytes of word fit, at least a letter's.
func prefix(word string, size, width int) int {
	sum := 0
	for i, r := range word {
		sum += advance(r)
		if i > 0 && (sum*size*11+999)/1000 > width {
			return i
		}
	}
	return len(word)
}

// cut takes letters from in front of the ellipsis until s, which ends in " …", fits.
func cut(s string, size, width int) string {
	r := []rune(strings.TrimSuffix(s, " …"))
	for len(r) > 1 && textWidth(string(r)+"…", size) > width {
		r = r[:len(r)-1]
	}
	return strings.TrimRight(string(r), " ") + "…"
}
