//! Ways to hurt somebody with words that the network gives little for: as people say them, and not when they are denied, asked
//! after, told of oneself or of a game. A blank stands for what stands between two words, with a question mark for what may; `{you}`
//! and the like for one of a list.

use regex::Regex;

use crate::{Error, Score};

/// What a phrase comes to: above what the rules that come along ask for, and below what a stricter operator may.
pub(super) const PHRASE: Score = 950;
/// What may stand between two words.
const BETWEEN: &str = r"[\s.,_*+-]+";
const MAY_BE_BETWEEN: &str = r"[\s.,_*+-]*";

/// What `{name}` stands for.
const LISTS: [(&str, &str); 12] = [
    ("you", "(?:you|u|ya|yo|ye|y'?all)"),
    ("your", "(?:your|ur|yer|yo|ya|you'?re)"),
    ("yourself", "(?:your ?self|ur ?self|urselves|yourselves)"),
    (
        "are",
        "(?:you are|you'?re|your|u r|ur|u are|ya'?re|you all are|y'?all are|you people are|you look|u look|you smell|you sound)",
    ),
    (
        "will",
        "(?:i will|i'?ll|i'?m (?:going to|gonna|about to|gon)|i'?mma|finna|gonna|going to|i'?d|i would|i could|i should|i want to|\
         i wanna|i swear i'?ll|we will|we'?ll|we'?re (?:going to|gonna)|let me|someone (?:will|should|needs to)|somebody (?:will|should))",
    ),
    (
        "really",
        "(?:(?:personally|literally|fucking|fuckin|really|just|so|fully|happily|gladly|come|go|and|over|there|actually|seriously) )*",
    ),
    (
        "family",
        "(?:mom|mum|mother|mama|dad|father|family|kids?|children|sister|brother|wife|husband|girlfriend|boyfriend|parents|daughter|son|baby|dog|cat|grandma)",
    ),
    (
        "limb",
        "(?:face|head|skull|neck|legs?|arms?|bones?|fingers?|jaw|nose|teeth|throat|wrists?|kneecaps?|knees?|ribs?|spine|eyes? out|guts? out|heart out|tongue out)",
    ),
    (
        "so",
        "(?:(?:so|such|really|just|literally|fucking|fuckin|freaking|absolute|absolutely|total|totally|complete|completely|utter|utterly|\
         the|most|biggest|a|an|all|nothing but|little|big|fat|dumb|stupid|disgusting|pathetic|ugly|worthless|old|dirty|filthy|lazy|sad|sick|\
         useless|miserable|lying|ignorant|damn|goddamn|real|actual|like|bloody|smelly|stinking|spoiled|entitled|fake) )*",
    ),
    (
        "bad",
        "(?:disgusting|pathetic|worthless|repulsive|revolting|hideous|ugly|trash|garbage|filth|scum|scumbag|vermin|a joke|an embarrassment|\
         a disgrace|a disappointment|a failure|a nobody|loser|losers|idiots?|morons?|imbeciles?|retards?|retarded|dumbass|brain ?dead|\
         dumber than|stupid|pig|cow|whale|cockroach|subhuman|creep|pervert|perv|freak|psycho|bitch|bitches|whore|slut|slag|skank|hoe|cunt|asshole|arsehole|\
         bastard|twat|wanker|prick|dickhead|douchebag|clown|coward|parasite|leech|pieces? of (?:shit|crap|garbage|trash|work)|\
         wastes? of (?:space|air|oxygen|skin|life|a human|human|sperm)|sorry excuse)",
    ),
    (
        "groups",
        "(?:gays|gay people|lesbians|queers|trans people|trannies|transgenders|blacks|black people|whites|white people|asians|hispanics|bisexuals|lesbian people|atheists|buddhists|deaf people|blind people|arabs|latinos|\
         mexicans|indians|chinese people|muslims|jews|jewish people|christians|catholics|hindus|immigrants|migrants|refugees|foreigners|\
         disabled people|cripples|autistic people|women|feminists|women like you|people like you|you people|your kind|your people|your race|\
         you lot|girls like you|men like you|guys like you|things like you|freaks like you|animals like you|immigrants like you)",
    ),
    (
        "body",
        "(?:chest|tits|titties|titty|boobs?|boobies|breasts|ass|arse|butt|booty|pussy|dick|cock|bra|panties|nipples?|nudes?|noods|body|naked|underwear|thong)",
    ),
];

/// Said so, nothing of it is meant: taken out before the others are looked for.
const HARMLESS: &[&str] = &[
    // Quoted.
    "(?:say|says|said|saying|tell|tells|told|telling|wrote|writes|called|calls|calling|yelled|shouted|texted|screamed|named|like|word|words|phrase|sentence)(?: [a-z']+){0,3}[: ]?\"[^\"]{1,120}",
    // Denied, warned of, asked after.
    "(?:don'?t|do not|never|not|won'?t|wouldn'?t|would not|can'?t|cannot|didn'?t|stop|isn'?t|aren'?t|ain'?t) (?:want to |wanna |going to |gonna |try to |say |call |calling |saying |ever |let anyone |think )*(?:you'?re |you are |you |a |an |so )*(?:kill|hurt|know where|die|hit|stab|shoot|rape|hang|beat|{bad})(?:ing)?(?: {yourself}| you)?",
    "(?:thoughts? of|thinking (?:of|about)|tried to|trying to|try to|want to|wanting to|wanted to|urge to|feel like|feeling like|going to|gonna|you'?ll|you will|you'?d|you could|might|would|did you|almost|nearly) (?:kill|hurt|hang|shoot|end|cut)(?:ing)? (?:{yourself}|your life)",
    "(?:do|did|if|why do|when|whether) (?:you|u|i|they|he|she) (?:think|feel|say|said|call|called|believe|ever feel)(?: like)?(?: that)? (?:you|i|they|he|she)(?:'?re|'?m|'?s| are| am| is)? {so}{bad}",
    "(?:said|says|told|tells|tell|telling|called|calls|call|calling|thinks?|thought|makes?|made|say|saying|yelled|shouted|texted|wrote|screamed)(?: to)? (?:you|me|him|her|us|them|that|everyone|people)(?: that)?(?: to)? (?:(?:you|i|he|she|they)(?:'?re|'?m|'?s| are| am| is)? )?{so}(?:{bad}|kill {yourself}|go die|die|hang {yourself})",
    "(?:he|she|they|somebody|someone|who|people|my [a-z]+|(?:some|this|that|the) [a-z]+) (?:once |just |always |also )*(?:said|say|says|thinks?|thought|claims?|claimed|commented|wrote)(?: that)? (?:you|i|we)(?:'?re|'?m| are| am| is| were| was)? {so}{bad}",
    "(?:do|does|if|when|don'?t|didn'?t|did|should|how) (?:you|i|we|they|he|she) (?:even |really |all |to )*know where {you}",
    "(?:are|were) you (?:an? )?(?:clown|coward|pig|cow|psycho|freak)",
    // Of oneself.
    "(?:i|we|he|she|they|it|someone|everybody|everyone|people|my [a-z]+|the [a-z]+) (?:(?:could|would|should|want|wanted|wanna|will|might|may|can|just|to|really|almost|nearly|did|gonna|going|about|have|had|has) )*(?:die|died|dies|choke on a|choked)",
    // Not of people.
    "(?:shoot|burn|hit|cut|slap|end) {you} (?:a|an|some|up with|up when|up on|up for|back|over|the|off|in on)",
    "(?:kill|destroy|beat|smoke|murder|shoot|end|crush|smash|ruin|wreck) {you} (?:all )?(?:in|at|on) (?:the |this |that |our |a |an |my |next |another |one )*(?:next|game|games|round|match|map|lobby|arena|server|minecraft|fortnite|roblox|chess|mario|fifa|cod|valorant|uno|cards|smash|tournament|level|race|quiz|ranked|debate|trivia|ping|tennis|poker)",
    "suck it up|shut up (?:no way|that'?s|about it and take|and take my money|and dance|and kiss)",
    "kill {you} (?:with kindness|to (?:smile|try|say|help|be|admit|answer|listen|wait))",
    "(?:hurt|kill) {yourself} (?:laughing|lifting|over|at the gym|on)",
    "die (?:laughing|of laughter|of embarrassment|of boredom|hard|for|in the game|again|to the boss|in game|before)",
    "you deserve (?:to be )?(?:happy|better|loved|more|it all|the world|a break|a raise)",
];

/// To hurt, to find, to have killed themselves.
const THREATS: &[&str] = &[
    "{will} {really}(?:kill|murder|rape|stab|shoot|hurt|strangle|choke|slap|punch|behead|torture|gut|skin|drown|burn|bury|butcher|end|hang|bash|beat up|molest|break|dox|doxx|swat|ruin|poison|knife) {you}",
    "(?:beat|smash|mess|fuck|cut|slice|chop|carve|blow|burn) {you}(?:r ass)? (?:up|down|open|to death|to pieces|into|senseless|bloody|until)",
    "beat (?:the )?(?:shit|crap|hell|fuck|living [a-z]+|life) (?:out of|outta) {you}",
    "{will} {really}(?:break|snap|smash|crush|bash|kick|punch|slap|slit|cut|rip|rearrange|stomp|knock|beat|bust|tear|shoot|split|crack|hit)(?: out| off| in| on)? {your} {limb}",
    "{will} {really}(?:kill|rape|murder|hurt|shoot|stab|find|visit|get|come for|burn|fuck) {your} {family}",
    "{will} {really}burn {your} (?:house|home|place)(?: down)?",
    "(?:slit|cut) {your} (?:throat|wrists?)",
    "{will} {really}(?:find|hunt|track|trace|catch|get) {you}(?: down| and | when|r address|r house|r location|r ip| for this| for that| one day| soon| i promise|r real name)",
    "{will} {really}find out where {you} (?:live|work|sleep|go)",
    "{will} {really}make {you} (?:suffer|bleed|pay|regret|cry|beg|wish|scream|disappear)",
    "(?:make|turn) {your} life (?:a |into )?(?:living )?(?:hell|miserable|nightmare)",
    "{will} {really}(?:ruin|destroy|wreck|end) {your} (?:life|career|reputation|family|marriage)",
    "(?:i|we|i'?ve|we'?ve|they|my (?:boys?|brothers?|friends?|guys|cousins?)|people) (?:already |just |also |both |all |now |easily )*(?:know|knows|have|got|found|traced|tracked|looked up|pulled|pulling|hacked|see|can see)(?: exactly| out| up)* (?:where {you} (?:live|sleep|work|study|stay|go to school|park|hang out)|{your} (?:home |full |exact |house |street |real )?(?:address|ip|license plate))",
    "(?:i|we|i'?ve|we'?ve) (?:already |just |also |now |easily )*(?:found|traced|tracked|looked up|pulled|hacked)(?: out| up| down)* {your} (?:exact |real )?(?:location|house|school|street|family|parents|name|number|facebook|insta|instagram|job)",
    "know (?:where|what street|which street|what house|which house|what building) {you} (?:live|sleep|stay|are staying|park)",
    "know (?:when|what time|which bus|which train) (?:{you}|she|he|they|your [a-z]+) (?:gets? (?:off|home|out)|leaves?|comes? home|goes|takes?|walks?|sleeps?|(?:is|are) alone)",
    "(?:hurt|killed|beaten|stabbed|shot|cut|buried) (?:people|men|guys|others|bitches|somebody|someone) (?:for|over) (?:a lot |way |much )?less",
    "(?:i|i'?ll|i'?m|we|we'?ll)(?: [a-z']+){0,7} (?:ruin|destroy|wreck) {your} (?:life|career|reputation|family|marriage)",
    "deserve (?:whatever|what|everything|all)(?: that)? (?:happens|happened|is coming|is going to happen)(?: to)? ?{you}?",
    "show me(?: [a-z]+){1,4} or (?:i|i'?ll) (?:skip|leave|go|hang up|report|tell|find)",
    "(?:burn|bomb|blow up|shoot up)(?: down)? (?:that|the|this|your|their|every|all the) (?:mosques?|churche?s?|synagogues?|temples?|school|refugee|camp)",
    "(?:i have|i'?ve got|got|i got|i'?m holding|bringing) a (?:gun|knife|blade|pistol|machete|bat)(?: and (?:i'?m|i'?ll|i will|i know|you|nothing|a (?:grudge|plan))| with your| for you| waiting for (?:you|your)| right here (?:and|for)| ready for you| and know)",
    "(?:you are|you'?re|u r|ur|you will be|you'?ll be|u gonna be) (?:so |fucking |as good as |already |gonna be |going to be )*(?:dead meat|a dead (?:man|woman|girl|boy|kid|person|bitch)|dead (?:if|when|bitch|you hear|after|tomorrow|tonight)|finished you|gonna (?:die|bleed|suffer|pay)|going to (?:die|bleed|suffer|pay)|not safe|not leaving)",
    "(?:better )?watch {your} back",
    "(?:better )?(?:look over {your} shoulder|sleep with one eye open|lock {your} doors?|sleep with the lights? on|pray i)",
    "{your} (?:days are numbered|time is (?:coming|up)|end is near)",
    "(?:i'?m|we'?re|i am|we are|i'?ll be|we'?ll be|someone is|i'?ve been|waiting) (?:right |already |standing |parked |sitting |waiting |been )*outside {your} (?:house|home|door|window|place|school|apartment|building|work)",
    "(?:i'?m|we'?re|i am|we are|they'?re) (?:coming|going) (?:for|after) {you}",
    "say (?:goodbye|bye) to {your} (?:family|kids|life|loved|account|mom|dog)",
    "(?:you will|you'?ll|u'?ll|you gonna|you are going to|you'?re gonna|ull) (?:so |fucking |really |be |all )*(?:regret (?:this|that|it|ever|the day|what)|pay for (?:this|that|what)|wish you (?:were|was|had)|sorry you|beg for|be sorry|bleed|rot|suffer)",
    "(?:i|we|i'?ve|we'?ve) (?:have |got |been |just |already |secretly )*(?:recorded|recording|screenshotted|screen ?recorded|screenshots of|a recording of|footage of|taped|filmed) (?:you|u|all of this|this whole|this call|your (?:face|body|screen|call))",
    "(?:send|show|post|leak|share|upload|forward|spread|give)(?:ing)? (?:it|this|these|them|that|your [a-z]+|ur [a-z]+|the [a-z]+|everything)(?: [a-z]+)? (?:to|with) (?:all )?{your} (?:friends|family|mom|mum|mother|boss|school|contacts|followers|husband|wife|parents|dad|job|work|class|girlfriend|boyfriend)",
    "(?:pay|send|give|transfer|wire|show|do what i say)(?: me)?(?: [a-z0-9$]+){0,6} or (?:(?:i'?ll|i will|i'?m (?:gonna|going to)|i) (?:post|leak|send|tell|share|show|upload|publish|ruin|kill|find|hurt|expose|put|make sure|call your)|everyone (?:will|sees|gets|you know)|your (?:[a-z]+ )+(?:will|sees?|gets?))",
    "{will} {really}(?:post|leak|publish|upload|expose|share|spread) (?:you|your|ur|the|this|these|those|it|them)(?: [a-z]+)? (?:everywhere|online|nudes|pics|pictures|face|video|photos|videos|unless|if you|all over|on|to)",
    "(?:do|say|try|skip|leave|hang up|block|report|call|tell)(?: [a-z]+){0,5} (?:and|or) (?:i'?ll|i will|i'?m gonna|i swear) (?:{really})(?:kill|hurt|find|hunt|end|beat|break|ruin|leak|post|dox|get) ",
    "or else(?:[.! ]*$| i'?ll| you'?ll| bitch)",
    "see what happens (?:to you|to your|if you (?:hang|skip|leave|tell|report|block|don'?t|ignore|keep))",
    "you won'?t (?:see it coming|live to|make it|leave|be (?:safe|able to walk|breathing))",
    "{really}(?:curb ?stomp|pistol ?whip|knock {you} out|put {you} in (?:a|the) (?:coffin|ground|hospital|grave|wheelchair|morgue|box)|put a bullet|bullet (?:in|through) {your}|six feet under|snitches get stitches|break every bone)",
    // Wished, or asked to do it themselves.
    "(?:go|just|please|pls|plz|should|should just|could|better|gotta|oughta|ought to|need to|why don'?t {you}|favou?r and|and) (?:go |fucking |already |just |all |and |quietly |please )*(?:die|kill {yourself}|hang {yourself}|drown {yourself}|shoot {yourself}|off {yourself}|neck {yourself}|end (?:it|{yourself}|{your} life)|rope|drink (?:some )?bleach|jump (?:off|in front|from|out|under)|slit {your}|drop dead|choke(?: on)?|rot|get (?:cancer|aids|raped|shot|run over|hit by)|play in traffic|eat a bullet|stop (?:breathing|existing))",
    "(?:kill|hang|shoot|neck|off|unalive|drown) {yourself}",
    "(?:don'?t|do not|never) wake up (?:tomorrow|again|ever)|(?:try|use|get|buy|take) (?:the|a) rope|(?:considered|thought (?:about|of)|tried) (?:drinking bleach|dying|killing {yourself}|jumping|the rope|ending it)|hurry up and (?:die|go)|how are {you} (?:still |even )+(?:alive|breathing)|(?:jump|do it) already|asked {you} to (?:breathe|exist|be born|live)",
    "(?:^|[.!?] )(?:please |just )?die (?:alone|already|slowly|in pain|painfully|bitch|you|soon|quick)",
    "kys|drop dead|drink bleach|go die|end {your} life|rot in hell|burn in hell|die in a (?:fire|hole|ditch)|take a long walk off|play in traffic|jump off (?:a|the|your) (?:bridge|cliff|roof|building|balcony)",
    "(?:hope|wish|pray|praying|hoping|cant wait until|can'?t wait (?:until|till|for))(?: that| to god| someday| one day)* (?:{you}|{your} [a-z]+|someone|somebody|they)(?: [a-z]+){0,2} (?:die|dies|dead|died|choke|chokes|burn|burns|rot|rots|suffer|suffers|crash|drown|drowns|bleed|never wake|never born|get (?:cancer|aids|raped|shot|hit|run|killed|beaten|stabbed|jumped|robbed|sick)|gets? (?:cancer|aids|raped|shot|hit|run|killed|beaten|stabbed|robbed)|rapes?|kills?|stabs?|shoots?|beats?|hurts?|fail|lose)",
    "(?:{you}|{groups}) (?:all )?(?:deserves?|ought to|should|need to|needs to|must|have to|should all|gotta) (?:to )?(?:(?:have )?(?:be|been|get) (?:dead|shot|raped|killed|beaten|hit|hurt|hanged|hung|gassed|locked up|alone|slapped|put down|put in|aborted|swallowed|deported|sterilized|exterminated|executed|burned|burnt|stoned|caged|muzzled|banned from|wiped|drowned|lynched|cancer|stabbed)|die|rot|suffer|burn|death|cancer|every bit of pain|pain|disappear|go extinct|hang)",
    "(?:you'?re|you are|you would be|you'?d be|we'?d be|everyone (?:is|would be|'?d be)|the world (?:is|would be|will be|'?d be)|{your} [a-z]+ (?:is|are|would be|'?d be)|(?:it )?would be)(?: so| much| a lot| way| all)* better(?: off)?(?: place)? (?:dead|without (?:you|u|people like)|if {you} (?:died|were dead|didn'?t|disappeared|never|weren'?t|just))",
    "(?:nobody|no one|noone|no ?body)(?: [a-z]+)? (?:will|would|gonna|is going to|'?ll|'?d|even|ever|really)(?: [a-z]+)? (?:(?:miss|cry for|mourn) {you}|(?:notice|care|cry)(?: if| when) (?:{you}|{your}) ?(?:die|died|are gone|were gone|disappear|disappeared|dead|left|vanish|vanished|were dead))",
];

/// Contempt for whoever is spoken to.
const INSULTS: &[&str] = &[
    "(?:{are}|you|u|you are still|you were always|you'?ll always be|you will always be|shut up|fuck you|listen here|listen|hey|ok|lmao) {so}{bad}",
    "(?:are you|r u) (?:that |really |this |even |actually )*(?:stupid|dumb|retarded|a retard|brain ?dead|an idiot|a moron|mentally ill|illiterate)",
    "(?:talk|act|look|dress|sound|smell|walk|think|type|eat|drive)s? (?:like|as) (?:an? |your |{so})*(?:retard|idiot|whore|slut|hooker|prostitute|pig|cow|whale|corpse|ape|monkey|rat|trash|garbage|sewer|clown|freak|rapist|pedo|troll|goblin|dog|shit|dumpster|hobo|tramp|bitch|virgin|incel)",
    "(?:nobody|no one|noone)(?: [a-z]+)? (?:will ever |could ever |would ever |ever |actually |really |even |would |else )*(?:loves?|likes?|wants?|loved|liked|wanted|cares? about|respects?|touch|date|desire|needs?|gives? a (?:shit|fuck|damn) about|asked for|wants? to (?:see|hear|look at|talk to|be around|smell)) (?:{you}|{your} (?:ugly|fat|stupid|face|opinion|kind|dumb))",
    "(?:everyone|everybody|we all|people|they all)(?: [a-z]+){0,2} (?:laughs?|laughing|hates?|hated|despises?|mocks?|knows? {are}|thinks? {are})(?: at| behind)? ?(?:{you}|{your}|{so}{bad})",
    "(?:i|we)(?: really| fucking| just| absolutely| actually| all)* (?:hate|despise|loathe|detest) (?:you(?: people| lot| so much| freaks?| all)?$|you (?:people|lot|freaks?|bitch|and your|all|fucking|ugly)|{your} (?:guts|face|kind|voice|family|stupid|ugly|fat|people|whole|entire))",
    "(?:you|u|your [a-z]+|your face|seeing you|looking at you|the sight of you|the sound of your voice|ur face|people like you)(?: [a-z]+){0,2} (?:makes?|make me|making|makin|made) (?:me|us|everyone|people|my)(?: [a-z]+)? (?:sick|vomit|puke|throw up|gag|cringe|barf|want to (?:vomit|puke|throw up|die|gouge)|skin crawl|stomach turn|ears bleed|eyes bleed|nauseous|wanna (?:vomit|puke|throw up))",
    "{your} (?:ugly |fat |stupid |dumb |whole |entire |disgusting |pathetic |little )*(?:face|body|voice|nose|teeth|hair|accent|existence|life|smile|breath|skin|forehead|brain|personality|room|mom|mother|mum|family)(?:'?s| is| looks?| are| smells?| sounds?)? (?:so |just |such |really |like |a |an |the |absolutely |fucking |as |most )*(?:ugly|disgusting|a joke|gross|annoying as|hideous|repulsive|revolting|pathetic|worthless|a mistake|trash|garbage|whore|slut|dog ?shit|a disease|an insult|a crime|meaningless|embarrassing|joke|fat|horse|deformed|busted|nasty|a waste|pizza|empty|punchable|a whore|a slut)",
    "(?:with|that|wash|fix|hide|cover|close|punch|smack|look at|get|show|about|of) (?:that |your |ur |those )+(?:ugly|fat|stupid|disgusting|nasty|hideous|filthy|dirty|busted|crooked|pathetic|crusty|punchable|deformed)(?: [a-z]+)? (?:face|body|mouth|nose|teeth|ass|hole|belly|head|mug|self|skin)",
    "(?:ashamed of|embarrassed (?:by|about|of)|disappointed in|disgusted (?:by|with)|regrets? having|regrets? (?:you|ever)|should have (?:aborted|swallowed|left|drowned|put|thrown|used)|wish(?:es)? (?:they|she|he) (?:had )?(?:never|aborted)|wish you were never|never wanted) (?:you|u|that ugly|yourself)?",
    "(?:{your} (?:parents?|mom|mum|mother|dad|father|family|kids|own mother|own family))(?: [a-z]+){0,3} (?:ashamed|embarrassed|disappointed|regrets?|regretted|hates? you|aborted|swallowed|failed|left because|a whore|a slut|drop(?:ped)? you)",
    "(?:{your} ?)(?:mom|mum|mother|ma|dad|father|sister|family|parents|wife|girlfriend|daughter|kids?)(?:'?s| is| was| are)? {so}(?:{bad}|easy)(?: and so are {you})?",
    "^(?:you )?{so}(?:retard|bitch|whore|slut|cunt|asshole|dickhead|wanker|twat|slag|hoe|fatty|faggot)[.! ]*$",
    "piss off|bugger off {you}|get off (?:my|the|our) screen|waste my time {you}",
    "go back to (?:your (?:country|cave|jungle|zoo|kitchen|village|desert|hole|own country|shithole|swamp|bridge)|where (?:you|u|ya) (?:came|come|belong|crawled)|africa|mexico|china|india|the (?:kitchen|zoo|jungle|trees|hole|sewer))",
    "(?:know|learn|remember) {your} place|(?:get|stay|go|belongs?)(?: back)? in(?:to|side)? the kitchen|crawl back (?:into|to|under|in)|kneel(?: down)? (?:for|before|bitch|and beg)|beg (?:me for|for your|like a)|do as (?:i say|you'?re told) (?:you|bitch|or)|lick my (?:boots?|shoes?|feet)",
    "(?:sick|fat|ugly|dumb|stupid|disgusting|filthy|dirty|worthless|pathetic|lazy|nasty|creepy|stinking|miserable) (?:little |old |fat |ugly |stupid |fucking )*(?:freak|pig|cow|bitch|whore|slut|cunt|fuck|bastard|retard|loser|moron|idiot|piece of|animal|rat|ape|monkey|hag|troll|creep|pervert|loser|scum|turd|trash|worm|dog|dyke|fag|tranny|nerd|virgin|incel|girl|kid)(?: you are| like you| stop| shut| get| go| leave|$)",
    "(?:suck (?:it|my [a-z]+|a dick|deez|on (?:it|my|this))|eat (?:a dick|shit|my ass)|get (?:fucked|bent)|fuck (?:off|you|yourself|ur|your|ya)|stfu|gtfo|shut (?:the (?:fuck|hell) up|your (?:[a-z]+ )?(?:mouth|face|trap|hole|pie ?hole)|ur (?:mouth|face)|up (?:you|bitch|and (?:listen|do|sit)|already|before i)))",
    "(?:you|u)(?: [a-z]+){0,2} (?:don'?t|do not|never|dont) deserve (?:to (?:live|breathe|exist|be (?:here|alive|loved|happy)|have)|love|oxygen|air|anyone|respect|happiness|your|life)",
    "(?:you|u|you'?re|ur) (?:just |only |literally |nothing but |such |really )*(?:an? )?(?:waste of|a poor excuse|disgrace|poor excuse|sad excuse|pathetic excuse|lost cause|cancer|tumou?r|a disease|plague|stain on|burden (?:to|on))",
    "(?:{are} (?:the |literally |honestly |probably |by far )*)(?:worst|ugliest|dumbest|stupidest|fattest|most (?:disgusting|pathetic|boring|annoying|useless)|grossest|saddest) (?:person|face|girl|guy|human|people|thing|creature|woman|man|dude|bitch)(?: i| on| here| ever| alive| in)?",
    "(?:i'?ve seen|seen) (?:better|prettier|smarter|nicer) (?:looking )?(?:faces? |heads? )?(?:on|in|at) (?:a|the|road|roadkill|corpses?)",
    "(?:lose|losing) (?:some )?weight (?:you|fat|before|fatty|first|pig|and)|(?:^|[ ])(?:fatty|fatso|fatass|lardass|landwhale|thot|simp cuck|incel|cuck|libtard|snowflake|n00b trash|uggo)(?:$| )",
];

/// What is asked of bodies.
const LEWD: &[&str] = &[
    "(?:show|flash|gimme|give|lemme see|let me see|send|wanna see|want to see|need to see|let'?s see|i'?d love to see)(?: me| us)?(?: some| a| of)*(?: pics? of| picture of| a pic of)? (?:your |ur |them |those |some |that |the )*(?:big |little |sexy |sweet |juicy |perky |nice |fat |tight )*{body}",
    "(?:take|pull|rip) (?:off )?(?:your|ur|that|the|it|them|those)(?: [a-z]+)? ?(?:clothes|top|shirt|bra|panties|pants|underwear|skirt|dress|hoodie|sweater|shorts|towel)?(?: off| down| up) (?:for me|babe|baby|now|slowly|and|girl|please|bitch|so i)",
    "(?:take|strip|pull|get) (?:off )?(?:your|ur|that) (?:clothes|top|shirt|bra|panties|pants|underwear|skirt|dress|shorts)(?: off| down| up)?",
    "take off (?:your|ur|that|the) (?:[a-z]+ )?(?:clothes|top|shirt|bra|panties|pants|underwear|skirt|dress|hoodie|shorts)",
    "(?:lift|raise|unbutton|drop) (?:up )?(?:your|ur|that) (?:shirt|top|skirt|dress|blouse|pants|bra)",
    "get naked|undress for|strip for|strip (?:down|naked)|(?:open|spread) (?:your|ur|those|them) legs|bend over (?:for|so|and|let|bitch|baby)|twerk for me|on your knees (?:for|bitch|slut|now)|be my (?:slave|slut|sex|whore|bitch)|call me daddy",
    "(?:suck|lick|ride|touch|jerk|stroke|taste|gag on|choke on|play with|look at|see|watch me (?:touch|stroke|jerk))(?: on)? (?:me off|my (?:big |hard |fat )*(?:dick|cock|pussy|penis|rod)|myself)|(?:suck|lick) (?:on )?my (?:balls|nuts|meat|d)",
    "(?:want to|wanna|would|gonna|going to|will|i'?d|i'?ll|let me|like to|love to|can i|lemme|i'?m gonna|imagine me) (?:so |totally |absolutely |really |love to |like to |just )*(?:fuck|bang|rape|smash|pound|cum|nut|jizz|sniff|lick|taste|breed|grope|undress|finger|destroy|eat|motorboat|squeeze|spank|touch) (?:on |in |all over |out |with )*(?:you(?:$| (?:so|hard|right|till|until|all|now|baby|in|like|bad|raw|from|up)|r (?:ass|face|tits|pussy|boobs|body|mouth|feet|little|tight|mom|sister|panties|neck|wife))|u(?:$| (?:so|hard|right|till|until|all|now|baby|in|like|bad))|ur (?:ass|face|tits|pussy|boobs|body|mouth|feet|mom|sister))",
    "how much (?:for|do you charge|to)(?: [a-z]+){0,3} (?:night|sex|nudes|naked|hour|see your|see ur|blow|fuck|strip|see you)",
    "(?:are you|r u|u|you|ur|is (?:it|she) )(?: [a-z]+)? (?:horny|wet (?:for|yet|right|down|already)|a virgin|still a virgin|dtf|shaved|hard for|naked under|wearing (?:a bra|panties|underwear|anything under))",
    "sit on my (?:face|lap|dick|cock)|i'?m (?:so |already |getting |rock )*(?:hard|horny) (?:for|looking|watching|right|because|rn|now|thinking|when)|i'?m (?:jerking|touching myself|stroking|masturbating|jacking)|jerk(?:ing)? off (?:to|for|with|on)|cum (?:on|in|for|tribute|all)|(?:dick|cock) in your|your (?:tight|wet|sweet) (?:little )?(?:pussy|ass|hole|body)",
];

/// Against groups.
const HATE: &[&str] = &[
    "{groups}(?: all| just| really| always| only| still)* (?:are|r|is|should|don'?t|deserves?|need to|belongs?|must|have to|ruin|ruined|smells?|stinks?|breeds?|bring|spread|carry|cause)(?: all| just| really| nothing but| basically| always| even| like| a| the| to| go| be| our| this| mentally| in| who| who should| should| naturally| fucking| fuckin| actual| literal| such| born)* (?:violent|mental cases|mental|locked up|sterilized|rounded up|animals|vermin|subhumans?|sub ?human|rats|parasites|disgusting|die|killed|shot|gassed|hanged|burned|deported|exterminated|camps?|criminals|terrorists|thieves|diseases?|diseased|inferior|filth|filthy|scum|dogs|cockroaches|trash|cancer|ill|apes|monkeys|savages|rapists|breed|like rats|hell|ovens?|problem with|stupid|whores|property|objects|kitchen|lazy|dirty|crime|back to)",
    "{groups} (?:are|r|is) (?:not|no|less than|barely|hardly) (?:even |real |really )*(?:people|human|humans|equal|welcome|wanted|one of us|women|men)",
    "{groups} (?:shouldn'?t|should not|should never|don'?t|do not|must not|mustn'?t|can'?t) (?:be allowed|be here|deserve|belong|have (?:kids|children|rights)|vote|drive|exist|breed|speak|live|be able|breathe)",
    "(?:all |the |those |these |fucking |you )*{groups}(?: should| need to| must| have to| all| just)+ (?:go back|get out|die|leave|hang|burn|stay (?:away|out))",
    "no (?:{groups}|blacks|jews|gays)(?: are)? (?:here|allowed|welcome|wanted)",
    "hitler (?:was right|did nothing wrong|should have finished|should'?ve|had the right idea|was a hero)|(?:sieg|heil) (?:heil|hitler)|white power|white genocide|1488|gas (?:the|them)|race war|ethnic(?:ally)? cleanse|final solution for|send (?:them|you) (?:all )?(?:back to africa|to the camps?|to the gas|back where)",
    "(?:i|we)(?: really| fucking| just| absolutely)* (?:hate|despise|can'?t stand) (?:all |every |those |these |you |fucking )*{groups}",
    "(?:kill|gas|hang|burn|shoot|exterminate|get rid of|nuke|lynch) (?:all |every |those |these |you |fucking )(?:the |of |you |fucking )*{groups}",
    "(?:gas|lynch|exterminate|deport|nuke) the {groups}",
    "(?:we|i|someone|you)(?: [a-z]+)? (?:should|need to|must|ought to|will|gotta|have to) (?:just |all |really )*(?:kill|hang|shoot|gas|exterminate|deport|get rid of|burn|bomb|nuke|lynch|sterilize|wipe out|round up|lock up) (?:all |every |the |those |these |you |any )*{groups}",
];

/// Written in one: nothing else reads so.
const TOGETHER: &str = "kill(?:your|ur)self|(?:will|ill|gonna|goingto|ima|imma)(?:kill|rape|murder|stab|shoot|hurt)(?:you|u\\b)|knowwhere(?:you|u)live|\
    hope(?:you|u)die|(?:go|just|please|should)die|hang(?:your|ur)self|fuckyou|fuckoff|shutthefuckup|youre?(?:are)?(?:ugly|stupid|disgusting|trash|worthless)|stupidbitch|uglybitch|\
    sendnudes|show(?:me)?(?:your|ur)?(?:tits|boobs|pussy)";

/// German, which no model here knows: the plainest alone, without the marks on its letters.
const GERMAN: &[&str] = &[
    "ich (?:bring|bringe|werde|schlag|schlage|stech|steche|erschie(?:ß|ss)e?|mach|mache|t(?:o|oe)te|vergewaltige?|finde?|hau|haue)(?: dich| dir| euch| ihn)?(?: [a-zß]+){0,2} (?:um|ab|tot|t(?:o|oe)ten|umbringen|abstechen|kaputt|fertig|vergewaltigen|zusammen|kalt|finden|den sch(?:a|ae)del ein|die fresse)",
    "(?:ich )?(?:wei(?:ß|ss)|wissen) (?:genau )?wo du (?:wohnst|lebst|schl(?:a|ae)fst|arbeitest)",
    "(?:bring|h(?:a|ae)ng|erschie(?:ß|ss)|t(?:o|oe)te) dich(?: doch)?(?: bitte)?(?: selbst| selber)?(?: um| auf)|(?:geh|stirb|verreck|krepier)(?: doch| einfach)? (?:sterben|verrecken|endlich|doch|langsam|du|bitte)|verreck(?:e)? (?:doch|du|endlich)|du (?:sollst|solltest|geh(?:o|oe)rst|verdienst)(?: [a-zß]+){0,3} (?:sterben|verrecken|vergast|erschossen|zu sterben|den tod|abgetrieben)",
    "(?:hoffe?|w(?:u|ue)nsche?)(?: dir)?(?: dass)? (?:du )?(?:stirbst|verreckst|krepierst|den tod|krebs)",
    "(?:du|dein|deine|sei du|halt die fresse|so ne?|so eine?|was f(?:u|ue)r eine?)(?: bist| kleine[rs]?| dumme[rs]?| fette[rs]?| dreckige[rs]?| h(?:a|ae)ssliche[rs]?| verdammte[rs]?| blode[rs]?| bloede[rs]?| mutter ist| eine?| ne| so| echt| nur| der letzte| ein| asoziale[rs]?| widerliche[rs]?| ekelhafte[rs]?| ekliges?)* (?:hurensohn|hure|nutte|fotze|schlampe|missgeburt|wichser|arschloch|drecksau|schwein|miststuck|miststueck|bastard|spast|spasti|behindert(?:er)?|mongo|opfer|idiot|abschaum|dreck|schwuchtel|kanake|untermensch|m(?:u|ue)ll|penner|versager|loser|kuh|sau|h(?:a|ae)sslich|widerlich|ekelhaft|wertlos|erb(?:a|ae)rmlich|dumm wie|nichts wert|fett wie)",
    "fick dich|fick deine|verpiss dich|halt(?:'?s)? (?:die (?:fresse|klappe)|maul|dein maul)|leck mich am arsch|hurensohn|missgeburt|fotze|zeig (?:mir |mal )*(?:deine )?(?:titten|m(?:o|oe)pse|br(?:u|ue)ste|muschi|arsch)|zieh dich aus|ausl(?:a|ae)nder raus|(?:juden|ausl(?:a|ae)nder|schwule|schwarze|moslems|fl(?:u|ue)chtlinge)(?: alle)? (?:geh(?:o|oe)ren|sollte man|m(?:u|ue)ssen|sind)(?: alle)? (?:vergast|weg|raus|abgeschoben|erschossen|ungeziefer|abschaum|dreck|krank|verbrannt)|heil hitler|sieg heil",
];

/// What a text says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) threat: bool,
    pub(super) insult: bool,
    pub(super) hate: bool,
}

impl Found {
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            threat: self.threat || other.threat,
            insult: self.insult || other.insult,
            hate: self.hate || other.hate,
        }
    }
}

/// All of them, ready to be looked for.
pub(super) struct Phrases {
    harmless: Regex,
    threats: Regex,
    insults: Regex,
    hate: Regex,
    together: Regex,
    german: Regex,
}

impl Phrases {
    pub(super) fn new() -> Result<Self, Error> {
        let lewd_too: Vec<&str> = INSULTS.iter().chain(LEWD).copied().collect();
        Ok(Self {
            harmless: any(HARMLESS)?,
            threats: any(THREATS)?,
            insults: any(&lewd_too)?,
            hate: any(HATE)?,
            together: compiled(&format!("(?:{TOGETHER})"))?,
            german: any(GERMAN)?,
        })
    }

    /// Lower-case `text` without what is said and not meant.
    pub(super) fn meant(&self, text: &str) -> String {
        let text = text.replace(['’', '‘', '`', '´'], "'").replace(['“', '”', '„', '«', '»'], "\"");
        self.harmless.replace_all(&text, " \u{2014} ").into_owned()
    }

    /// What such a text says.
    pub(super) fn find(&self, meant: &str) -> Found {
        let in_one = meant.split_whitespace().any(|word| {
            let letters: String = word.chars().filter(|c| c.is_alphanumeric()).collect();
            self.together.is_match(&letters)
        });
        Found {
            threat: self.threats.is_match(meant),
            insult: in_one || self.insults.is_match(meant) || self.german.is_match(meant),
            hate: self.hate.is_match(meant),
        }
    }
}

fn any(phrases: &[&str]) -> Result<Regex, Error> {
    let mut all = phrases.join("|");
    // A list may name another.
    for _ in 0..2 {
        for (name, list) in LISTS {
            all = all.replace(&format!("{{{name}}}"), list);
        }
    }
    let all = all.replace(" ?", MAY_BE_BETWEEN).replace(' ', BETWEEN);
    // Of ASCII: for those of Unicode the fast engine would give way to a slow one.
    compiled(&format!(r"(?-u:\b)(?:{all})(?:(?-u:\b)|$)"))
}

fn compiled(pattern: &str) -> Result<Regex, Error> {
    let failed = |err: regex::Error| Error::Load { what: "phrases".to_owned(), why: err.to_string() };
    regex::RegexBuilder::new(pattern).size_limit(64 << 20).build().map_err(failed)
}
