package prompts_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/prompts"
)

func TestNormalize_keepsWhatIsSeen(t *testing.T) {
	t.Parallel()
	for _, same := range []string{
		"I built a robot", "¿Qué pasó?", "Ich hab’s geschafft – für 5 €!", "Я построил робота", "我造了一个机器人", "ロボットを作った",
		"로봇을 만들었다", "بنيت روبوتًا", "می\u200cخواهم", "क्षत्रिय", "בניתי רובוט", "สร้างหุ่นยนต์", "100% <b>REAL</b> & \"quoted\" “twice”",
		"👩‍🚀 🏴󠁧󠁢󠁥󠁮󠁧󠁿 👍🏽 ❤️ 1️⃣ 🇺🇦", "葛󠄀飾区", "a\u0323\u0307", // composed already as far as it can be
	} {
		n := prompts.Normalize(providers.Prompt{Headline: same}).Headline
		if same == "a\u0323\u0307" {
			same = "ạ\u0307"
		}
		require.Equal(t, same, n)
	}
}

func TestNormalize_takesOutWhatIsNot(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"  I \t built\u00a0 a\u3000robot\u2009 ":              "I built a robot",
		"one\r\ntwo\u2028three":                               "one two three",
		"a\x00b\x1bc\x7fd\u009be":                             "abcde",
		"cafe\u0301":                                          "café",
		"e\u200b\u0301":                                       "é", // what is gone no longer keeps apart
		"\u202egnp.exe\u202c":                                 "gnp.exe",
		"\u2066left\u2069\u200e\u200f\u061c":                  "left",
		"zero\u200b\u2060\ufeffwidth":                         "zerowidth",
		"soft\u00adhyphen":                                    "softhyphen",
		"p\u200do\u200crn":                                    "porn",
		"\u200dfirst\u200d":                                   "first",
		"hi\U000e0068\U000e0069":                              "hi", // a text hidden in tags
		"\U0001f3f4\U000e0067\U000e0062":                      "\U0001f3f4",
		"😀\ufe0f\ufe01\U000e0100\U000e0101":                   "😀\ufe0f", // a text hidden in selectors
		"x\ufe0f":                                             "x",
		"\u3164\u3164":                                        "",
		"\u200b":                                              "",
		"broken \xff\xfe bytes":                               "broken bytes",
		"\U0001f3f4\U000e007f":                                "\U0001f3f4",
		"\u0600\u0661":                                        "\u0600\u0661", // a sign that is seen
		"combining grapheme\u034f joiner":                     "combining grapheme joiner",
		"\u180e\u17b4\u17b5":                                  "",
		"\ufffe\U0010ffff noncharacters":                      "noncharacters",
		"\U0001f468\u200d\U0001f469\u200d\U0001f467 family":   "\U0001f468\u200d\U0001f469\u200d\U0001f467 family",
		"\U0001f3f4\u200d\u2620\ufe0f pirates":                "\U0001f3f4\u200d\u2620\ufe0f pirates",
		"two \ufffd":                                          "two",
		"\u1100\u1161 composes":                               "가 composes",
		"\u212b is a ring, \uff21 stays wide":                 "Å is a ring, Ａ stays wide",
		"tab\there, feed\fthere, next\u0085line, para\u2029x": "tab here, feed there, next line, para x",
	} {
		require.Equal(t, want, prompts.Normalize(providers.Prompt{Headline: raw}).Headline, "%q", raw)
	}
}

func TestNormalize_detailsKeepTheirLines(t *testing.T) {
	t.Parallel()
	n := prompts.Normalize(providers.Prompt{Details: "\r\n one \t two\r\n\r\n\n  three\u2029four\rfive\n"})
	require.Equal(t, "one two\nthree\nfour\nfive", n.Details)
}

func TestRead_normalisesAnewWhatIsOfAnotherVersion(t *testing.T) {
	t.Parallel()
	raw := providers.Prompt{Headline: " I  built "}
	stored := prompts.Normal{Version: prompts.Version, Prompt: providers.Prompt{Headline: "as it was stored"}}
	require.Equal(t, stored, prompts.Read(stored.Encode(), raw))
	for _, other := range []json.RawMessage{
		nil, json.RawMessage("null"), json.RawMessage("{"), json.RawMessage(`{"headline": "of no version"}`),
		prompts.Normal{Version: prompts.Version - 1, Prompt: stored.Prompt}.Encode(),
		prompts.Normal{Version: prompts.Version + 1, Prompt: stored.Prompt}.Encode(),
	} {
		require.Equal(t, prompts.Normalize(raw), prompts.Read(other, raw), "%s", other)
	}
}
