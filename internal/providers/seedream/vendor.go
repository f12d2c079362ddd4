package seedream

import (
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// Vendor registers Seedream, which draws.
func Vendor() providers.Vendor {
	return providers.Vendor{
		Name: Name, Models: map[string]string{"seedream": "seedream-4-5-251128"}, MaxAnswer: transport.MaxAnswer,
		Open: func(a providers.Account) (providers.Adapters, error) {
			p, err := New(Config{BaseURL: a.BaseURL, Key: a.Key, Client: a.Client, Now: a.Now, Redraw: a.Redraw})
			if err != nil {
				return providers.Adapters{}, err
			}
			return providers.Adapters{Image: p, Close: p.Close}, nil
		},
	}
}
