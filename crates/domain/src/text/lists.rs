//! Word lists, separated by single spaces.

/// ISO 3166-1 alpha-2, all 249 officially assigned codes.
pub(super) const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO \
BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET \
FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS \
IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP \
MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO \
RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW";

/// Friendly adjectives that fit any noun below.
pub(super) const ADJECTIVES: &str = "Able Amber Apt Autumn Balmy Bold Brave Breezy Bright Brisk Bronze Calm Candid Careful \
Cheerful Chipper Clear Clever Cobalt Copper Coral Cosmic Cosy Crisp Curious Dapper Daring Dawn Deft Eager Early Earnest \
Easy Elder Ember Epic Fair Fancy Fearless Festive Fine Fleet Fluent Fond Frank Free Fresh Frosty Gallant Generous Gentle \
Gifted Glad Gleaming Golden Good Graceful Grand Grateful Great Green Happy Hardy Hazel Hearty Honest Hopeful Humble Indigo \
Ivory Jade Jaunty Jolly Jovial Joyful Keen Kind Lilac Lively Loyal Lucid Lucky Lunar Maple Mellow Merry Mighty Mild Mint \
Misty Modest Mossy Neat Nifty Nimble Noble Olive Opal Patient Peaceful Pearl Plucky Poised Polar Polite Proud Quick Quiet \
Radiant Rapid Ready Robust Rosy Ruby Rustic Sage Sandy Scarlet Serene Shiny Silver Sincere Smooth Snowy Solar Spirited \
Spry Stellar Steady Still Sunny Sure Swift Tall Teal Tender Tidy Topaz Tranquil Trusty Upbeat Velvet Vivid Warm Wise Witty \
Zesty";

/// Friendly nouns: animals, plants, things of nature and of the workshop.
pub(super) const NOUNS: &str = "Acorn Alder Anchor Antelope Aspen Aster Badger Bamboo Beacon Beaver Birch Bison Bluebell \
Bobcat Breeze Brook Butterfly Cactus Canyon Caribou Cedar Cello Cheetah Cloud Clover Comet Compass Condor Cricket Crane \
Creek Crocus Cypress Daisy Deer Delta Dolphin Dove Dragonfly Eagle Elk Falcon Fern Finch Fir Firefly Fjord Flamingo Forest \
Fox Garden Gazelle Gecko Glacier Harbor Hare Harp Hawk Heather Hedgehog Heron Hill Hollow Horizon Ibis Iris Island Jaguar \
Jasmine Juniper Kestrel Kingfisher Kite Koala Lagoon Lantern Lark Laurel Lavender Lemur Leopard Lighthouse Lily Linden \
Lotus Lynx Magpie Mango Mantis Maple Marigold Marten Meadow Melody Meteor Moose Mountain Narwhal Nebula Newt Nightingale \
Oak Ocean Opossum Orchid Oriole Osprey Otter Owl Panda Panther Peach Pebble Pelican Penguin Petrel Pine Planet Plover \
Poppy Prairie Puffin Quail Quartz Rabbit Raven Reef Reindeer Ridge River Robin Rowan Sail Salmon Seal Sequoia Sparrow \
Spruce Squirrel Starling Stork Summit Sunflower Swallow Swan Thistle Thrush Tiger Tortoise Trout Tulip Turtle Valley Violet \
Walnut Walrus Warbler Waterfall Wave Willow Wombat Wren Yarrow Yew Zebra Zinnia";
