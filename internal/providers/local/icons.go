package local

import (
	"slices"
	"strings"
	"unicode"
)

// icon is a pictogram of the icon font and the words and emoji that call for it.
type icon struct {
	code  rune
	words string
}

// icons is searched from the top, so that the more telling subject comes first.
func icons() []icon {
	return []icon{
		{'\ue94a', "pepper spicy chili hot sauce 🌶"},
		{'\ue790', "burger hamburger 🍔"},
		{'\ue796', "pizza 🍕"},
		{'\ue780', "cake bake baking bakery dessert birthday 🎂 🍰"},
		{'\ue1c2', "coffee espresso cafe latte ☕"},
		{'\ue804', "icecream sweet summer 🍦"},
		{'\ued8e', "chef cook cooking cooked kitchen recipe meal food eat ate eating dinner lunch pasta street 🍳 🍝"},
		{'\ue764', "soup stew pot simmer ramen noodle curry rice steak chicken 🍲 🍜"},
		{'\ue728', "fish fishing sushi seafood 🐟 🎣"},
		{'\uea04', "save saving budget frugal 🐷"},
		{'\ue588', "money cash rich millionaire million income salary dollars paid profit earn earned 💰 💵 💸"},
		{'\ue78e', "coin bitcoin crypto gold ethereum 🪙"},
		{'\ue156', "business sales growth marketing finance stock invest investing trading market 📈"},
		{'\ue4ae', "grow viral rise increase subscribers views algorithm"},
		{'\ue762', "robot ai chatgpt bot automation 🤖"},
		{'\ue74e', "brain mind psychology memory learn think genius 🧠"},
		{'\ue1bc', "code coding programming developer golang python javascript software 💻"},
		{'\ue586', "laptop computer pc setup desk macbook"},
		{'\ue610', "cpu chip hardware gpu tech technology gadget"},
		{'\ue1e0', "phone iphone android smartphone app 📱"},
		{'\ue26e', "game gaming gamer play minecraft fortnite xbox playstation nintendo speedrun 🎮"},
		{'\ue5ba', "sword fight battle war warrior medieval knight ⚔"},
		{'\ue9d0', "castle kingdom fantasy dragon 🏰"},
		{'\uede2', "treasure loot pirate"},
		{'\ue1ee', "dice luck lucky gamble casino 🎲"},
		{'\uea36', "boxing mma ufc punch 🥊"},
		{'\ue0b6', "gym workout fitness muscle lifting body fit strength 💪 🏋"},
		{'\ued60', "run running marathon sneakers shoes 👟 🏃"},
		{'\ue716', "soccer football goal fifa ⚽"},
		{'\ue724', "basketball nba 🏀"},
		{'\ue67e', "win winner won champion trophy best greatest 🏆"},
		{'\ue320', "medal olympic rank ranked ranking top 🥇"},
		{'\ue614', "king queen crown royal luxury 👑"},
		{'\ue42c', "diamond gem jewel expensive 💎"},
		{'\ue3fe', "rocket launch startup nasa mars 🚀"},
		{'\ue652', "planet space universe galaxy cosmos saturn 🪐"},
		{'\ueb4a', "ufo area51"},
		{'\ue8a6', "alien 👽 👾"},
		{'\ue5e4', "science physics atom quantum ⚛"},
		{'\ue79e', "chemistry experiment lab test tested 🧪"},
		{'\ue570', "doctor health hospital medical 🏥"},
		{'\ue968', "virus vaccine"},
		{'\ue83e', "mystery detective crime murder case solved spy 🕵"},
		{'\ue916', "skull death dead deadly horror scary nightmare creepy die 💀 ☠ 😱"},
		{'\ue62a', "ghost haunted paranormal spooky halloween 👻"},
		{'\ue9d8', "camp camping campfire bushcraft"},
		{'\ue8ba', "tent outdoors wilderness ⛺"},
		{'\ue7ae', "mountain hike hiking climb everest ⛰ 🏔"},
		{'\ue5aa', "snow ice cold arctic winter frozen ❄ 🥶"},
		{'\ue91a', "island beach beaches tropical bali vacation holiday 🏝 🌴"},
		{'\ue6de', "ocean sea wave surf surfing swim water 🌊"},
		{'\ue5d6', "travel trip flight fly airplane plane airport tokyo paris ✈"},
		{'\ue28c', "world earth globe countries country abroad 🌍 🌎 🌏"},
		{'\uea6a', "city york london 🏙"},
		{'\ue1c8', "adventure explore journey compass lost 🧭"},
		{'\ue8cc', "car ferrari tesla drive driving race racing 🏎 🚗"},
		{'\ue80a', "motorcycle bike motorbike 🏍"},
		{'\ue0d6', "bicycle cycling 🚲"},
		{'\ue2da', "nature leaf green eco vegan organic 🌿 🍃 🌱"},
		{'\uec22', "plant garden gardening 🪴"},
		{'\ue75e', "flower spring 🌸 🌷"},
		{'\ue74a', "dog puppy 🐶 🐕"},
		{'\ue748', "cat kitten 🐱 🐈"},
		{'\ue648', "pet animal wild 🐾"},
		{'\ue774', "baby kid parenting toddler 👶"},
		{'\uea8a', "guitar rock band 🎸"},
		{'\ue75c', "sing singing singer karaoke podcast interview 🎤"},
		{'\ue340', "music song beat album 🎵 🎶"},
		{'\ue2a6', "listen sound audio lofi 🎧"},
		{'\ue10e', "camera photo photography 📷 📸"},
		{'\ue8c2', "film movie cinema filming trailer 🎬"},
		{'\ueb4e', "review reaction reacting popcorn netflix 🍿"},
		{'\ue58c', "youtube video channel thumbnail stream"},
		{'\ue6c8', "art paint painting draw drawing design 🎨"},
		{'\ue80e', "diy build building built hammer 🔨"},
		{'\ue5d4', "fix repair mechanic tools 🔧"},
		{'\ue2c4', "house home room apartment tiny renovation 🏠 🏡"},
		{'\ue62c', "study school college university exam student 🎓"},
		{'\ue0e6', "book read reading story 📚 📖"},
		{'\ue3ae', "write writing notes ✏ 📝"},
		{'\ue2dc', "idea tip hack trick how explained 💡"},
		{'\ue2d6', "key unlock password 🔑"},
		{'\ue2fa', "secret locked hidden private 🔒"},
		{'\ue40a', "protect security safe hacker 🛡"},
		{'\ue276', "gift free giveaway christmas present 🎁"},
		{'\ue416', "shopping buy bought haul amazon 🛍 🛒"},
		{'\ue670', "fashion style outfit clothes 👕"},
		{'\ue2a8', "love heart dating relationship wedding marriage ❤ 💔 😍"},
		{'\ue168', "talk chat said conversation 💬"},
		{'\ue324', "news announcement breaking update 📣 📢"},
		{'\ue4e0', "warning danger dangerous stop mistake wrong never avoid scam ⚠ 🚨"},
		{'\ue47c', "target focus goals challenge 🎯"},
		{'\ue492', "hour minutes seconds fast 24 timer ⏱ ⏰"},
		{'\ue2b4', "time forever wait waiting ⏳"},
		{'\ue108', "day week month year 📅"},
		{'\ue636', "knife survive survival survived killer 🔪"},
		{'\ue242', "fire hottest burn insane epic lit 🔥"},
		{'\ue2de', "lightning energy power speed shock shocking ⚡"},
		{'\uee0a', "💣 bomb explosion explode"},
		{'\ue58e', "sleep moon dream 🌙 😴"},
		{'\ue472', "sun morning routine ☀"},
		{'\ue816', "cool 😎"},
		{'\ue436', "happy funny smile 😂 😀 😄 🤣"},
		{'\ue48e', "like good 👍"},
		{'\ue220', "see look watch seen 👀"},
		{'\ue30c', "search find found looking 🔍"},
		{'\ue608', "why what who question truth guess ❓"},
		{'\ue6b6', "magic wizard ✨"},
		{'\ue46a', "star famous celebrity ⭐ 🌟"},
	}
}

// tokens splits s into lower-case words, with each emoji as a word of its own.
func tokens(s string) []string {
	var out []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	for _, r := range strings.ToLower(s) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			word.WriteRune(r)
		case unicode.Is(unicode.So, r):
			flush()
			out = append(out, string(r))
		default:
			flush()
		}
	}
	flush()
	return out
}

// pickIcon returns the pictogram that the text calls for, else otherwise.
func pickIcon(otherwise rune, text string) rune {
	words := tokens(text)
	for _, i := range icons() {
		for w := range strings.FieldsSeq(i.words) {
			if slices.Contains(words, w) || slices.Contains(words, w+"s") {
				return i.code
			}
		}
	}
	return otherwise
}
