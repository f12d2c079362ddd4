package fal

import "github.com/mugshot-studio/backend/internal/providers"

// Vendor registers fal, which draws.
func Vendor() providers.Vendor {
	return providers.Vendor{
		Name: Name, Models: map[string]string{"fal_flux": DefaultModel}, MaxAnswer: maxAnswer,
		Open: func(a providers.Account) (providers.Adapters, error) {
			p, err := New(Config{
				BaseURL: a.BaseURL, Key: a.Key, Client: a.Client, Now: a.Now, Redraw: a.Redraw, EditEndpoint: a.EditEndpoint,
				AllowLoopback: a.AllowLoopback,
			})
			if err != nil {
				return providers.Adapters{}, err
			}
			return providers.Adapters{Image: p, Close: p.Close}, nil
		},
	}
}
