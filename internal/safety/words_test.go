package safety

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
)

// What creators write every day, with all the words that a careless list trips over.
func TestForbidden_letsInnocentPhrasesPass(t *testing.T) {
	t.Parallel()
	for _, innocent := range []string{
		"", "I built a robot", "shooting hoops", "Scunthorpe", "Essex vs Sussex", "Dick's cockpit tour", "Penistone market", "I shot my brother (paintball)",
		"Naked and Afraid, ranked", "The Naked Gun is back", "Barenaked Ladies live", "nude lipstick for every skin tone", "nude nails",
		"I quit porn for 90 days", "how porn rewires your brain", "is porn addictive?", "sex education for teens", "Kids' sex education: what schools teach",
		"breast cancer awareness", "breastfeeding tips", "chicken breast recipe", "cumin and turmeric", "Al Gore explains", "Gore-Tex review",
		"killer deal", "kill it at the gym", "I killed the final boss", "kill all zombies", "how to kill weeds", "how to kill time at an airport",
		"how to cut your own hair", "hang yourself a swing", "suicide squad review", "Suicide prevention: talk to somebody", "grape therapist",
		"beheading of Marie Antoinette", "the French Revolution was bloody", "headshots only", "my dog's funeral", "raping and pillaging Vikings",
		"Medusa's severed head", "severed, season 2", "body count: 300", "gun show in Texas", "bombshell interview", "this game is the bomb",
		"why people join ISIS", "the rise of white nationalism", "gas prices are killing all of us", "Black Lives Matter", "women in power",
		"take off in 3, 2, 1", "he takes off his mask", "remove her from the group chat", "removing wallpaper", "strip this chair completely",
		"strip club economics", "without his helmet", "AI art or photo?", "deepfake detection", "little girl, big dream", "young boys' football",
		"child actor", "teen drivers", "minor league", "sexy car", "sexy Excel tips", "hot girl summer", "model railway", "bare minimum", "bare bones kernel",
		"exposed: the truth", "Exposed brick wall", "hardcore parkour", "explicit lyrics", "naked eye astronomy", "the naked truth", "Kindergarten",
		"裸眼3D", "儿童节", "色情", "子供の日", "детский сад", "Die Kinder von heute", "el niño", "bébé à bord", "🔥🔥🔥",
	} {
		for _, p := range []providers.Prompt{{Headline: innocent}, {Details: "Scene:\n" + innocent}} {
			rule, found := forbidden(p)
			require.False(t, found, "%q is taken for %s", innocent, rule)
		}
	}
}

func TestForbidden_findsPhrases(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Rule{
		"child porn":                      SexualMinors,
		"CHILD  PORN!":                    SexualMinors,
		"chïld-pörn":                      SexualMinors,
		"c\u200bhild p\u00adorn":          SexualMinors,
		"ｃｈｉｌｄ　ｐｏｒｎ":                      SexualMinors,
		"a naked young girl":              SexualMinors,
		"naked teens":                     SexualMinors,
		"Kinderporno":                     SexualMinors,
		"pornografía infantil":            SexualMinors,
		"ДЕТСКОЕ порно":                   SexualMinors,
		"これは児童ポルノです":                      SexualMinors,
		"一张兒童色情图片":                        SexualMinors,
		"undress her":                     UndressingWords,
		"remove his clothes":              UndressingWords,
		"nudify this photo":               UndressingWords,
		"show him without his clothes":    UndressingWords,
		"a nude woman on a beach":         SexualWords,
		"completely naked":                SexualWords,
		"hardcore sex":                    SexualWords,
		"a realistic severed head":        ViolentWords,
		"torture porn":                    ViolentWords,
		"torturing a puppy":               ViolentWords,
		"gas the jews":                    HatefulWords,
		"Sieg Heil!":                      HatefulWords,
		"kill yourself now":               SelfHarmWords,
		"how to hang myself":              SelfHarmWords,
		"the best ways to commit suicide": SelfHarmWords,
	} {
		for member, p := range map[string]providers.Prompt{
			"headline": {Headline: text}, "subtext": {Headline: "x", Subtext: text}, "vibe": {Headline: "x", Vibe: text},
			"details": {Headline: "x", Details: "one\n" + text + "\nthree"},
		} {
			rule, _ := forbidden(p)
			require.Equal(t, want, rule, "%q as %s", text, member)
		}
	}
}

// Every line can match, and every section is a rule that errors.go knows.
func TestPhrases_areReadAsTheyAreMeant(t *testing.T) {
	t.Parallel()
	known := []Rule{SexualMinors, UndressingWords, SexualWords, ViolentWords, HatefulWords, SelfHarmWords}
	seen := map[Rule]bool{}
	for _, p := range phrases {
		require.Contains(t, known, p.rule)
		seen[p.rule] = true
		require.NotEmpty(t, p.words)
		text := ""
		for _, spellings := range p.words {
			require.NotEmpty(t, spellings)
			text += spellings[0].word + " "
		}
		_, found := forbidden(providers.Prompt{Headline: text})
		require.True(t, found, text)
	}
	require.Len(t, seen, len(known))
}

func BenchmarkForbidden(b *testing.B) {
	p := providers.Prompt{Headline: "I survived 100 days in a cave"}
	for len(p.Details) < 4000 {
		p.Details += "a naked eye can see the stars tonight and "
	}
	for b.Loop() {
		forbidden(p)
	}
}
