//! Words that make a sentence polite or grammatical, and ordinary words that are never taken for a misspelling.

use super::normalise::Token;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Words and phrases without a meaning of their own in a question about data, apart by `; `.
const FILLERS: &[&str] = &[
    // articles, pronouns, auxiliaries
    "the; a; an; this; these; those; it; its; i; me; my; we; us; our; ours; you; your; they; them; \
     their; he; she; his; her; one; ones; is; are; was; were; be; been; being; am; do; does; did; done; \
     have been; has been; had been; can; could; would; may; might; shall; there; here; so; as; then; \
     than; also; too; just; yet; already; ever; s; t; re; ve; ll; d; m; let; lets; please; pls; plz; \
     kindly; thanks; thank; thank you; hey; hi; hello; ok; okay; well; now; right; right now; \
     currently; at present; to date; so far; all time; of all time; in general; generally; actually; \
     really; basically; all together; is there; are there; of them; at all; have; has; had; having; \
     got; get; gets; getting; gotten; how; how about; what about; if any; while; whether; by the way; \
     what is; what are; what was; what were; who is; who are; who were; who was; which is; which are; \
     that is; that are; that were; that was; it is; the following; overall; as of now; as of today; \
     until now; up to now; up until now; any given; given",
    // asking
    "show; shows; showing; give; gives; giving; tell; display; find; find out; see; want; wants; want \
     to; want to know; wanted; need; needs; need to; like; like to; know; pull up; fetch; report on; \
     provide; calculate; compute; look at; looking; looking at; looking for; look like; looks like; \
     take a look at; help; help me; interested; interested in; curious; wondering; wonder; asking; \
     retrieve; identify; determine; figure out; share with me; able; able to; possible; do we have; as \
     a table; as a chart; as a graph; in a table; in a chart; bar chart; line chart; pie chart; \
     breakdown; break down; breakdown of; breakdown for; split; break; distribution; distribution of; \
     overview of; an overview of; summary of; a summary of; summarize; summarise; details on; details \
     of; information on; information about; info on; quick; quickly; a report of; a report on; report \
     of; report for; view of; snapshot of; a snapshot of; turn out; turned out; i would like; do you \
     know; can you; could you; would you; will you; can i; could i; may i; can we; a breakdown of; the \
     breakdown of; a quick look at; let me know; a table of; a chart of; a graph of; chart of; table \
     of; how about; as table; as chart; the split of; the distribution of; a split of",
    // verbs that say that rows exist
    "came; coming; comes; exists; contains; includes; belongs; owns; lives; receives; carries; goes; happens; occurs; \
      come in; came in; existed; contained; including; included; carried; offered; owned; \
     received; placed; recorded; registered; happened; occurred; take place; took place; lived; living; \
     located; residing; belonging; handled; managed; served; look after; looks after; looked after; \
     looking after; assigned; assigned to; work with; works with; go to; went to; goes to; deal with; \
     achieved; ended up; issued; realized; realised; logged; scored; purchase made; made by; were made; \
     was made; get made; rung up; rack up; racked up; amounted to; amount to; originated; originating; \
     supported; going; went; been made; taken place; ends up; come through; came through; pass through; \
     passed through; work out; works out; worked out",
    // where the data lives
    "the catalog; our catalog; the catalogue; our catalogue; this catalog; the database; our database; \
     the db; the system; our system; the store; our store; this store; the shop; our shop; the library; \
     our library; the collection; our collection; on file; on record; on the books; our books; on our \
     books; company wide; worldwide; globally; everywhere; anywhere; world wide; in the world; around \
     the world; for the company; the company; our company; of the company; as a whole; in stock; the \
     whole catalog; the entire catalog; the whole catalogue; the entire catalogue; the full catalog; \
     specifically; itself; themselves; called; chronologically; alphabetically; chronological order; in \
     chronological order; alphabetical order; in alphabetical order; oldest first; newest first; latest \
     first; everything; anything; something; stuff; things; a lot of; lots of; on a daily basis; on the \
     whole; the business; our business; the data; our data; the whole year; the entire year; the full \
     year; all year; whole; entire; basis; on a; on an; individually",
];

/// Verbs that are fillers after an auxiliary or a relative ("do we carry"); as nouns they mean something.
const VERBS: &str = "come; comes; exist; exists; contain; contains; include; includes; hold; holds; carry; carries; \
     offer; offers; own; owns; receive; place; places; record; register; happen; occur; live; lives; \
     reside; resides; belong; belongs; handle; handles; manage; manages; serve; serves; achieve; \
     appear; go; goes; see; look; keep; do; complete; support; supports; originate; report; log; turn; \
     stand; use; produce; process";

/// Orders that are fillers at the head of a question.
const ORDERS: &str = "report; return; print; output; view; check; run; pull; present; plot; draw; graph; chart; table; \
     look; question; list; compile; prepare; create; build; make; say; ask; get; retrieve; produce; \
     overview; summary; details; info; information; dashboard; rundown; group";

/// Ordinary words that may be missing from a model but are no misspellings, and no titles unless written as such.
const ORDINARY: &str = "\
other others another more further much less down up off out over under again only both alone same such very quite rather almost \
margin margins profit profits profitable profitability loss losses cost costs costly discount discounts discounted refund refunds \
refunded tax taxes stock inventory shipping shipment shipments ship shipped delivery deliveries delivered deliver supplier suppliers \
vendor vendors warehouse warehouses playlist playlists composer composers employee employees staff manager managers salary salaries \
wage wages phone phones email emails mail fax address addresses postal code zip age ages gender sex birthday birth name title rating \
ratings review reviews score satisfaction complaint complaints ticket tickets visit visits visitor visitors session sessions click \
clicks page pages website online offline channel channels campaign campaigns marketing promotion promotions coupon coupons voucher \
payment payments method methods credit card cards cash bank currency balance debt budget budgets target targets goal goals plan plans \
quota quotas contract contracts subscription subscriptions subscriber subscribers member members membership loyalty segment segments \
category categories subcategory department departments brand brands product products item items size sizes color colour colors weight \
material label labels publisher producer writer author lyrics lyric language languages duration length bitrate file files byte bytes \
download downloads stream streams streaming play plays played listen listened listener listeners view views follower followers fan fans \
concert concerts tour tours chart charts award awards release released releases weather joke jokes story stories poem news sport \
sports game games movie movies film films recipe food pizza coffee meaning life love money time world war peace people friend friends \
family home house car cars city money sun moon rain snow water fire earth air light dark black white red green blue yellow gold silver \
good bad better worse great nice fine amazing awesome terrible poor rich cheap cheaper cheapest expensive priciest free long longest longer short \
shortest shorter fast faster fastest slow slower slowest high higher low lower big bigger small smaller large larger old older oldest new newer newest \
young younger youngest early earlier late later first second third fourth fifth last final next previous past present future today \
tomorrow yesterday night day days always never often sometimes usually rarely once twice again still special general common rare single double triple \
half quarter dozen hundred thousand million returning repeat loyal active inactive lapsed lost churned potential prospective \
pending open opened closed cancelled canceled completed failed failing paid unpaid overdue due gross net operating fixed variable direct \
indirect fee fees commission commissions bonus bonuses price prices priced pricing rate rates value values worth asset assets \
liability expense expenses expenditure investment return returns returned interest risk quality quantity volume weight speed distance height \
width depth temperature pressure energy power force password passwords secret secrets prompt prompts instruction instructions ignore \
reveal user users username login admin role roles permission permissions table tables column columns row rows schema select where from \
king god devil angel angels man men woman women boy boys girl girls child children kid kids baby mother father brother \
sister daughter son wife husband doctor teacher school student students book books letter letters word words number numbers line \
lines point points part parts side sides end ends start starts begin begins middle center top bottom left right front back north south \
east west place places area areas land sea ocean river road street way ways door window room wall floor table chair bed hand \
hands head face eye eyes heart soul mind body blood bone skin hair dream dreams hope fear faith truth lie lies hello goodbye please \
sorry thanks wait stop run walk jump fly fall rise stand sit sleep wake eat drink cook clean wash work job jobs play sing dance read \
write speak talk say tell ask answer think believe remember forget learn teach feel touch hold carry push pull lift throw catch hit \
kick break fix build grow die kill live leave stay come go action reaction change changes choice choices chance luck warning danger \
safe safety holiday holidays vacation travel trip hotel flight train bus ticket season seasons period periods easy hard difficult \
simple complex important serious funny happy sad angry crazy insane perfect imperfect complete real fake true false wrong right same \
different similar equal extra additional main primary secondary major minor partial whole empty full hot cold warm cool wet dry \
heavy light strong weak loud quiet soft smooth rough sharp flat deep shallow wide narrow thick thin bright clear close near far \
region regions district districts county counties continent continents location locations branch branches office offices site sites \
model models version versions series event events record records entry entries log logs note notes comment comments message messages \
image images photo photos picture pictures video videos audio sound sounds noise music song artist band voice tone beat rhythm melody \
status stage statue stake slate skate formal former form forms farm farms marker markers marked religion religions legion ration \
notion scale scales speed send sent seed unity unite artisan artisans older custom customs bend beard sand trick truck sing sings sons \
purchaser purchasers amount amounts account counter counters county clinic clinics cite site gene genes genius label medic medical medium \
type types class classes grade grades rank ranks order ordering level levels layer layers unit group team teams crew squad player \
players driver drivers rider riders guest guests tenant tenants patient patients nurse citizen citizens population resident residents \
household households neighbor neighbour visitor passenger worker workers personnel candidate candidates applicant applicants partner \
partners competitor competitors rival rivals owner owners founder chief executive director president secretary chairman board \
committee agency agencies bureau ministry council court police army navy government state federal national international global local \
rural urban suburban domestic foreign overseas abroad continent europe asia africa oceania antarctica european asian african \
western eastern northern southern central spring autumn weekly inventory shelf shelves basket cart checkout shop shops shopping mall \
retail wholesale commerce trade trading merchant merchandise good goods service services support care help desk call calls chat \
request requests inquiry enquiry issue issues bug bugs error errors failure failures fault faults defect defects repair repairs \
maintenance warranty guarantee insurance claim claims policy policies law laws legal rule rules regulation audit compliance security \
privacy consent identity person personal private public common average median typical normal regular standard basic premium plus \
pro deluxe economy business enterprise startup company corporation industry industries sector sectors market markets niche field \
science physics chemistry biology history geography math maths mathematics statistics economics finance accounting law medicine \
health fitness diet weight sport yoga gym club clubs bar bars restaurant restaurants cafe food drink drinks beer wine tea juice milk \
bread butter cheese meat fish chicken egg eggs fruit fruits vegetable apple apples orange banana grape lemon potato tomato rice \
pasta soup salad sugar salt pepper spice oil gas petrol diesel electric electricity solar wind nuclear coal steel iron copper wood \
paper plastic glass cotton leather wool silk stone sand clay brick concrete tool tools machine machines engine engines \
motor motors wheel wheels tire tires brake brakes gear gears chain chains frame frames seat seats handle pedal bike bikes bicycle \
ship boat plane ferry taxi truck van lorry scooter airport station stop route routes journey tourism tourist tourists guide map maps \
direction directions mile miles kilometer metre inch foot feet yard acre gallon litre ounce pound pounds ton tons gram grams \
minute minutes second seconds hour hours century era age ages generation youth adult adults senior seniors elderly infant toddler \
opportunity opportunities lead leads pipeline conversion conversions bounce traffic engagement impression impressions reach frequency \
usage utilization capacity efficiency productivity performance growth decline trend accept passengers rush lost \
core load tribute presence transmission dealer escape attitude battery fuel intro pilot outbreak primary panama aloha miami";

static FILLER_SET: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| FILLERS.iter().flat_map(|group| group.split("; ")).collect());
static ORDINARY_SET: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| ORDINARY.split_whitespace().collect());

/// Tokens in the longest filler.
pub(super) const LONGEST: usize = 4;

/// Whether a phrase has no meaning of its own.
pub(super) fn is_filler(phrase: &str) -> bool {
    FILLER_SET.contains(phrase)
}

/// Whether a word is a filler because of the words before it.
pub(super) fn is_filler_after(word: &str, before: &[Token]) -> bool {
    const HELPERS: &[&str] = &[
        "do", "does", "did", "to", "can", "could", "will", "would", "who", "that", "which", "we", "they",
        "i", "you",
    ];
    let helped = before.iter().any(|t| HELPERS.contains(&t.text.as_str()));
    let leading = before.iter().all(|t| is_filler(&t.text));
    VERBS.split("; ").any(|verb| verb == word) && helped
        || ORDERS.split("; ").any(|order| order == word) && leading
}

/// Whether a word is ordinary English.
pub(super) fn is_ordinary(word: &str) -> bool {
    ORDINARY_SET.contains(word) || [VERBS, ORDERS].iter().any(|list| list.split("; ").any(|w| w == word))
}
