package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// object is the part of a Kubernetes object that our own rules use.
type object struct {
	Kind     string                `json:"kind"`
	Metadata struct{ Name string } `json:"metadata"`
	Data     map[string]string     `json:"data"`
	Spec     struct {
		Template struct {
			Spec pod `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

type pod struct {
	AutomountServiceAccountToken *bool `json:"automountServiceAccountToken"`
	SecurityContext              struct {
		RunAsNonRoot bool `json:"runAsNonRoot"`
	} `json:"securityContext"`
	Containers []container `json:"containers"`
}

type container struct {
	Name            string `json:"name"`
	Image           string `json:"image"`
	Env             []struct{ Name string }
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `json:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `json:"readOnlyRootFilesystem"`
		Capabilities             struct {
			Drop []string `json:"drop"`
		} `json:"capabilities"`
	} `json:"securityContext"`
	Resources struct {
		Requests map[string]any `json:"requests"`
		Limits   map[string]any `json:"limits"`
	} `json:"resources"`
	LivenessProbe  map[string]any `json:"livenessProbe"`
	ReadinessProbe map[string]any `json:"readinessProbe"`
}

// rules returns the violations of our own rules.
func (o object) rules() []string {
	var found []string
	must := func(ok bool, format string, args ...any) {
		if !ok {
			found = append(found, fmt.Sprintf(format, args...))
		}
	}
	must(o.Kind != "Secret", "secrets are made beside the files, never by them")
	spec := o.Spec.Template.Spec
	if len(spec.Containers) == 0 {
		return found
	}
	no := func(b *bool) bool { return b != nil && !*b }
	must(no(spec.AutomountServiceAccountToken), "no pod needs the cluster's token")
	must(spec.SecurityContext.RunAsNonRoot, "runAsNonRoot is missing")
	for _, c := range spec.Containers {
		s := c.SecurityContext
		must(no(s.AllowPrivilegeEscalation) && s.ReadOnlyRootFilesystem && slices.Contains(s.Capabilities.Drop, "ALL"),
			"container %s is not locked down", c.Name)
		must(c.Resources.Limits["memory"] != nil && c.Resources.Requests["cpu"] != nil && c.Resources.Requests["memory"] != nil,
			"container %s has no requests, or no limit of memory", c.Name)
		must(o.Kind == "Job" || c.LivenessProbe != nil && c.ReadinessProbe != nil, "container %s has no probes", c.Name)
		must(strings.Contains(c.Image, ":") && !strings.HasSuffix(c.Image, ":latest"), "image %s has no version", c.Image)
	}
	return found
}

// unknown returns the settings that the program does not read.
func (o object) unknown(settings map[string]bool) []string {
	var names []string
	if o.Kind == "ConfigMap" {
		names = slices.Sorted(maps.Keys(o.Data))
	}
	for _, c := range o.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			names = append(names, e.Name)
		}
	}
	var found []string
	for _, name := range names {
		if !settings[name] {
			found = append(found, name+" is a setting that .env.example does not know")
		}
	}
	return found
}
