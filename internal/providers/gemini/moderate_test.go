package gemini_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/gemini"
	"github.com/mugshot-studio/backend/test/conformance/providertest"
	"github.com/mugshot-studio/backend/test/fakes/geminifake"
)

const moderationModel = "gemini-3.8-flash"

func moderator(t *testing.T, fake *geminifake.Fake, change ...func(*gemini.Config)) *gemini.Moderator {
	t.Helper()
	return gemini.NewModerator(provider(t, fake, change...), moderationModel)
}

func looked(t *testing.T) providers.Picture {
	t.Helper()
	reference := providertest.Reference(t, "copy_target")
	return providers.Picture{ContentType: reference.ContentType, Data: reference.Data}
}

func TestModerator_asksForAFormAndReadsIt(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]providers.Finding{
		"nothing": {}, "public_figure": {PublicFigure: true}, "minor": {Minor: true}, "sexual": {Sexual: true},
		"violent": {Violent: true}, "likeness_of_others": {Likeness: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := geminifake.New(t)
			fake.Answer(func(geminifake.Request) geminifake.Reply { return geminifake.Moderated(name) })
			j, picture := moderator(t, fake), looked(t)
			found, err := j.Moderate(t.Context(), picture)
			require.NoError(t, err)
			require.Equal(t, want, found)
			require.Equal(t, moderationModel+"/1", j.Name())

			asked := fake.Requests()
			require.Len(t, asked, 1)
			require.Equal(t, moderationModel, asked[0].Model)
			require.True(t, asked[0].WantsJSON)
			require.False(t, asked[0].WantsImage)
			require.Equal(t, []geminifake.Blob{{MIMEType: picture.ContentType, Data: picture.Data}}, asked[0].Turns[0].Images)
			var sent struct {
				GenerationConfig struct {
					ResponseSchema struct {
						Required   []string       `json:"required"`
						Properties map[string]any `json:"properties"`
					} `json:"responseSchema"`
				} `json:"generationConfig"`
			}
			require.NoError(t, json.Unmarshal(asked[0].Body, &sent))
			require.Len(t, sent.GenerationConfig.ResponseSchema.Required, 5)
			for _, member := range sent.GenerationConfig.ResponseSchema.Required {
				require.Contains(t, sent.GenerationConfig.ResponseSchema.Properties, member)
			}
		})
	}
}

// A refusal to look is a finding; whatever else goes wrong says nothing of the picture.
func TestModerator_faults(t *testing.T) {
	t.Parallel()
	for _, fault := range []providertest.Fault{providertest.BlockedBefore, providertest.BlockedAfter} {
		fake := geminifake.New(t)
		fake.Fail(fault, 0)
		found, err := moderator(t, fake).Moderate(t.Context(), looked(t))
		require.NoError(t, err)
		require.Equal(t, providers.Finding{Refused: true}, found)
	}
	for fault, class := range map[providertest.Fault]providers.Class{
		providertest.TooManyRequests: providers.Transient, providertest.InternalError: providers.Transient,
		providertest.Unavailable: providers.Transient, providertest.Reset: providers.Transient,
		providertest.Malformed: providers.Transient, providertest.Empty: providers.Transient,
		providertest.Hang: providers.Transient, providertest.Oversized: providers.Transient,
		providertest.BadKey: providers.Permanent, providertest.UnknownModel: providers.Permanent,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			fake := geminifake.New(t)
			fake.Fail(fault, 0)
			j := moderator(t, fake, func(c *gemini.Config) { c.CallTimeout = time.Second })
			found, err := j.Moderate(t.Context(), looked(t))
			require.Zero(t, found)
			var vendor *providers.Error
			require.ErrorAs(t, err, &vendor)
			require.Equal(t, class, vendor.Class)
			require.NotContains(t, err.Error(), providertest.BodySecret)
			require.NotContains(t, err.Error(), providertest.Key)
		})
	}
}

func TestModerator_answersOfAnotherFormAreNone(t *testing.T) {
	t.Parallel()
	for _, said := range []string{
		"It is fine.", "{}", "null", "true", `{"public_figure":false,"minor":false,"sexual":false,"violent":false}`,
		`{"public_figure":"no","minor":false,"sexual":false,"violent":false,"likeness_of_others":false}`,
	} {
		fake := geminifake.New(t)
		fake.Answer(func(geminifake.Request) geminifake.Reply { return geminifake.Reply{Pieces: []string{said}} })
		found, err := moderator(t, fake).Moderate(t.Context(), looked(t))
		require.Zero(t, found)
		var vendor *providers.Error
		require.ErrorAs(t, err, &vendor, said)
		require.Equal(t, providers.Transient, vendor.Class)
	}
}

func TestModerator_endsWithItsCaller(t *testing.T) {
	t.Parallel()
	fake := geminifake.New(t)
	fake.Fail(providertest.Hang, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := moderator(t, fake).Moderate(ctx, looked(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// What the moderator is shown has lost its metadata, like every picture that is sent to a vendor.
func TestModerator_isShownARedrawnPicture(t *testing.T) {
	t.Parallel()
	fake := geminifake.New(t)
	fake.Answer(func(geminifake.Request) geminifake.Reply { return geminifake.Moderated("nothing") })
	j := moderator(t, fake, func(c *gemini.Config) {
		c.Redraw = func(_ context.Context, r providers.Reference) (providers.Reference, error) {
			return providers.Reference{Role: r.Role, ContentType: "image/webp", Data: []byte("redrawn")}, nil
		}
	})
	_, err := j.Moderate(t.Context(), looked(t))
	require.NoError(t, err)
	require.Equal(t, []geminifake.Blob{{MIMEType: "image/webp", Data: []byte("redrawn")}}, fake.Requests()[0].Turns[0].Images)
}

// silent is a vendor that never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// A vendor that does not answer fails before the time-out of package safety ends: else its failures would not be counted.
func TestModerator_silenceIsTheVendorsFailure(t *testing.T) {
	t.Parallel()
	picture := looked(t)
	synctest.Test(t, func(t *testing.T) {
		p, err := gemini.New(gemini.Config{Key: "k", Now: time.Now, Client: &http.Client{Transport: silent{}}})
		require.NoError(t, err)
		defer p.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err = gemini.NewModerator(p, moderationModel).Moderate(ctx, picture)
		vendor, ok := errors.AsType[*providers.Error](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, providers.Transient, vendor.Class)
		require.Equal(t, "timeout", vendor.Reason)
	})
}
