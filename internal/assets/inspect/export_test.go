package inspect

// ErrPanicked is for the fuzzer.
var ErrPanicked = errPanicked
