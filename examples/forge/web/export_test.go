package web

// What no request can bring about, or only in a race, is tested by these.
var (
	Areas    = areas
	Refusal  = refusal
	SafeNext = safeNext
)
