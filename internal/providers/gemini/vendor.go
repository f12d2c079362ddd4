package gemini

import (
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// Vendor registers Gemini, which draws, writes replies and moderates pictures.
func Vendor() providers.Vendor {
	return providers.Vendor{
		Name: Name,
		Models: map[string]string{
			"nano_banana": "gemini-nano-banana-2.1", "nano_banana_pro": "gemini-3-pro-image", providers.ChatModel: "gemini-3.8-flash",
		},
		MaxAnswer: transport.MaxAnswer,
		Open: func(a providers.Account) (providers.Adapters, error) {
			p, err := New(Config{BaseURL: a.BaseURL, Key: a.Key, Client: a.Client, Now: a.Now, Redraw: a.Redraw})
			if err != nil {
				return providers.Adapters{}, err
			}
			return providers.Adapters{
				Image: p, Text: p, Moderator: func(model string) providers.Moderator { return NewModerator(p, model) }, Close: p.Close,
			}, nil
		},
	}
}
