package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

func version(context.Context, []string) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this build does not know what it is")
	}
	fmt.Println(info.Main.Path, info.Main.Version, info.GoVersion)
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" || setting.Key == "vcs.time" {
			fmt.Println(setting.Key, setting.Value)
		}
	}
	return nil
}
