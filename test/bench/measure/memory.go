package measure

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Resident returns the resident memory of a tree of processes, in bytes.
func Resident(roots []int) (float64, error) { return memory(roots, "VmRSS") }

// Peak returns the sum of the peaks of each process since [ResetPeak], in bytes.
func Peak(roots []int) (float64, error) { return memory(roots, "VmHWM") }

// ResetPeak resets the peaks. It must run as the same user, or as root.
func ResetPeak(roots []int) error {
	pids, err := tree(roots)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := os.WriteFile(filepath.Join("/proc", pid, "clear_refs"), []byte("5"), 0); err != nil {
			return err
		}
	}
	return nil
}

func memory(roots []int, name string) (bytes float64, err error) {
	pids, err := tree(roots)
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		text, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
		if err != nil {
			continue // it has ended meanwhile
		}
		bytes += parseMemory(string(text), name)
	}
	return bytes, nil
}

func parseMemory(status, name string) float64 {
	_, rest, _ := strings.Cut(status, "\n"+name+":")
	line, _, _ := strings.Cut(rest, "\n")
	kib, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "kB")), 64)
	return kib * 1024
}
