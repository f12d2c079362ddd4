// Package measure reads the costs of processes from /proc of Linux: computing time and memory of whole trees of processes, and how
// busy other programs kept the machine. It also has the statistics for figures of several runs.
package measure

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc: USER_HZ, which is 100 on Linux whatever the kernel's own.
const tick = 10 * time.Millisecond

// stat holds the fields of /proc/PID/stat that follow the command's name, which may hold anything: state, parent and many more.
type stat []string

const (
	parent      = 1
	userTime    = 11
	childrenSys = 14 // userTime to here: its own two times, and the two of its children that have ended
)

func parseStat(text string) stat {
	return strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
}

// readStat returns nil for a process that has ended.
func readStat(pid string) stat {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return nil
	}
	return parseStat(string(text))
}

// cpu returns the computing time of a process and its ended children.
func (s stat) cpu() time.Duration { return sumTicks(s, userTime, childrenSys) }

// Process returns the computing time of one process of a single thread, such as a backend of Postgres, to the nanosecond. The
// kernel counts it when the process stops running: ask while it waits.
func Process(pid int) (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "schedstat"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	ran, err := strconv.ParseInt(first, 10, 64)
	return time.Duration(ran), err
}

func sumTicks(fields []string, from, to int) time.Duration {
	var sum int64
	for _, field := range fields[min(from, len(fields)):min(to+1, len(fields))] {
		n, _ := strconv.ParseInt(field, 10, 64) // the kernel writes numbers
		sum += n
	}
	return time.Duration(sum) * tick
}

// tree returns some processes and all their descendants.
func tree(roots []int) ([]string, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[string][]string{}
	for _, file := range files {
		pid := filepath.Base(filepath.Dir(file))
		if s := readStat(pid); len(s) > childrenSys {
			children[s[parent]] = append(children[s[parent]], pid)
		}
	}
	var found []string
	todo := make([]string, 0, len(roots))
	for _, root := range roots {
		todo = append(todo, strconv.Itoa(root))
	}
	for ; len(todo) > 0; todo = todo[1:] {
		found = append(found, todo[0])
		todo = append(todo, children[todo[0]]...)
	}
	return found, nil
}

// busy returns the total time for which the machine's cores were not idle.
func busy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("read the machine's times: %w", err)
	}
	return parseBusy(string(text)), nil
}

func parseBusy(text string) time.Duration {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	return sumTicks(fields, 1, 3) + sumTicks(fields, 6, 8) // user nice system, irq softirq steal; not idle and iowait
}
