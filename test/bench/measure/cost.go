package measure

import (
	"runtime"
	"time"
)

// Load is the group of the program that measures, which is always counted.
const Load = "load"

// Groups maps the name of a group to the roots of its trees of processes.
type Groups map[string][]int

// reading holds the counters of /proc at one moment.
type reading struct {
	at   time.Time
	busy time.Duration
	cpu  map[string]time.Duration
}

func (g Groups) read() (reading, error) {
	r := reading{at: time.Now(), cpu: map[string]time.Duration{Load: readStat("self").own()}}
	for name, roots := range g {
		pids, err := tree(roots)
		if err != nil {
			return r, err
		}
		for _, pid := range pids {
			r.cpu[name] += readStat(pid).cpu()
		}
	}
	var err error
	r.busy, err = busy()
	return r, err
}

// own returns the computing time of a process without its children, which are groups of their own.
func (s stat) own() time.Duration { return sumTicks(s, userTime, userTime+1) }

// Cost is the computing time of a run.
type Cost struct {
	CPU   map[string]time.Duration // by group
	Other float64                  // the share of the machine that other programs used, from 0 to 1
}

// Start reads the counters. stop reads them again and returns the difference.
func (g Groups) Start() (stop func() (Cost, error), err error) {
	before, err := g.read()
	if err != nil {
		return nil, err
	}
	return func() (Cost, error) {
		after, err := g.read()
		return spent(before, after, runtime.NumCPU()), err
	}, nil
}

func spent(before, after reading, cores int) Cost {
	cost := Cost{CPU: map[string]time.Duration{}}
	other := after.busy - before.busy
	for group, cpu := range after.cpu {
		cost.CPU[group] = cpu - before.cpu[group]
		other -= cost.CPU[group]
	}
	if wall := after.at.Sub(before.at); wall > 0 {
		cost.Other = max(0, other.Seconds()/wall.Seconds()/float64(cores))
	}
	return cost
}
