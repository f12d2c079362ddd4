package local_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/local"
)

func offer() local.Offer {
	return local.Offer{
		Platforms: []local.Platform{
			{ID: "youtube", Name: "YouTube", Width: 1280, Height: 720},
			{ID: "youtube_shorts", Name: "YouTube Shorts", Width: 1080, Height: 1920},
			{ID: "x", Name: "X", Width: 1600, Height: 900},
		},
		Models: []local.Model{
			{ID: "nano_banana", Name: "Nano Banana", Draft: 1, Std: 2, FourK: 4},
			{ID: "nano_banana_pro", Name: "Nano Banana Pro", Draft: 2, Std: 3, FourK: 5},
		},
		CopySurcharge: 1,
	}
}

func noPause(context.Context, time.Duration) error { return nil }

func request(said ...string) providers.TextRequest {
	var req providers.TextRequest
	for i, text := range said {
		if i > 0 {
			req.Turns = append(req.Turns, providers.Turn{Text: "An idea."})
		}
		req.Turns = append(req.Turns, providers.Turn{FromCreator: true, Text: text})
	}
	return req
}

// answer is what the writer says, and the draft that it suggests, if any.
func answer(t *testing.T, said ...string) (text string, draft map[string]any) {
	t.Helper()
	_, err := local.NewWriter(offer(), time.Now, noPause).Reply(t.Context(), request(said...), func(piece string) error {
		require.NotEmpty(t, piece)
		text += piece
		return nil
	})
	require.NoError(t, err)
	text, block, suggested := strings.Cut(text, "```suggestion\n")
	if suggested {
		require.NoError(t, json.Unmarshal([]byte(strings.TrimSuffix(block, "```\n")), &draft))
	}
	return text, draft
}

func TestWriter_proposes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said                              []string
		platform, headline, subtext, vibe string
	}{
		{
			[]string{"I need a thumbnail for my video about building a robot in 24 hours. Neon and dark!"},
			"youtube", "Building a robot", "In 24 hours", "neon dark",
		},
		{[]string{"thumbnail for my YouTube Shorts about cooking pasta"}, "youtube_shorts", "Cooking pasta", "", "bold viral"},
		{[]string{`Call it "The last arcade" for Twitter, retrowave please`}, "x", "The last arcade", "", "retrowave"},
		{[]string{"A video about my cat learning to swim", "make it darker"}, "youtube", "My cat learning to swim", "", "dark"},
		{[]string{"Ein Video über Mähroboter im Garten"}, "youtube", "Ein Video über Mähroboter im Garten", "", "bold viral"},
		{[]string{"😀"}, "youtube", "You have to see this", "", "bold viral"},
	} {
		text, draft := answer(t, c.said...)
		prompt := draft["prompt"].(map[string]any)
		require.Equal(t, c.headline, prompt["headline"], c.said)
		require.Equal(t, c.vibe, prompt["vibe"], c.said)
		require.Equal(t, c.platform, draft["platform"], c.said)
		if c.subtext != "" {
			require.Equal(t, c.subtext, prompt["subtext"], c.said)
		}
		require.Contains(t, text, c.headline)
		again, _ := answer(t, c.said...)
		require.Equal(t, text, again, "the same words, the same answer")
	}
	_, draft := answer(t, "About robots and people, drawn by Nano Banana Pro")
	require.Equal(t, "nano_banana_pro", draft["model_pref"])
}

func TestWriter_knowsTheCatalog(t *testing.T) {
	t.Parallel()
	prices, draft := answer(t, "How much does it cost?")
	require.Contains(t, prices, "Nano Banana Pro: 2, 3, 5")
	require.Nil(t, draft)
	sizes, _ := answer(t, "Which sizes are there?")
	require.Contains(t, sizes, "YouTube Shorts: 1080 × 1920")
	models, _ := answer(t, "what models do you have")
	require.Contains(t, models, "Nano Banana: 2")
	hello, draft := answer(t, "Hi!")
	require.Contains(t, hello, "Tell me")
	require.Nil(t, draft)
}

func TestWriter_stops(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	pieces := 0
	pause := func(ctx context.Context, d time.Duration) error {
		require.Positive(t, d)
		return ctx.Err()
	}
	_, err := local.NewWriter(offer(), time.Now, pause).Reply(ctx, request("A video about cats and dogs"), func(string) error {
		if pieces++; pieces == 3 {
			cancel()
		}
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 3, pieces)
	_, err = local.NewWriter(offer(), time.Now, noPause).Reply(t.Context(), providers.TextRequest{}, nil)
	var failed *providers.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, providers.Permanent, failed.Class)
}
