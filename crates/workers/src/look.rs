//! What is in a picture: nudity, by two networks that must agree, and things that look like weapons. No network here knows
//! violence or blood, and none guesses an age.

use crate::{
    Error, Score,
    models::Models,
    net::{Net, Values},
    picture::{Part, Picture},
    score,
};

/// Below this the first network alone says that there is nothing, in thousandths: both must agree, so the second couldn't change
/// what any rule makes of it (`strikes::Rules` take no lower threshold for pictures).
pub const NOTHING: Score = visavis_domain::strikes::LEAST_OF_PICTURES;
const SIDE: u32 = 224;
/// The second opinion on nudity takes the middle of a square of this side.
const OUTER: u32 = 256;
/// Mean of blue, green and red that it was trained with.
const MEAN: [f32; 3] = [104.0, 117.0, 123.0];
/// Of the thousand of `ImageNet`: assault rifle, revolver, rifle.
const GUNS: [usize; 3] = [413, 763, 764];
const CLASSES: usize = 1_000;

/// How closely a picture is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// By every network, whatever the others say: for measuring.
    Thorough,
    /// By as many as can change what becomes of it.
    Usual,
    /// The same while many pictures wait: of the quarters one alone, each in its turn.
    Hurried(usize),
}

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Nudity or sexual acts: what both networks agree on at least.
    pub nudity: Score,
    /// The first network, alone.
    pub nudity_first: Score,
    /// The second, alone, if it was asked.
    pub nudity_second: Option<Score>,
    /// Something that looks like a gun, in the picture or one of its quarters.
    pub weapon: Score,
}

/// The networks.
pub struct Looker {
    nsfwjs: Net,
    open_nsfw: Net,
    objects: Net,
}

impl Looker {
    /// Loads them.
    ///
    /// # Errors
    /// When one isn't there, or isn't a network.
    pub fn open(models: &Models) -> Result<Self, Error> {
        Ok(Self {
            nsfwjs: Net::open(models, "nudity/nsfwjs-mid.onnx")?,
            open_nsfw: Net::open(models, "nudity/open-nsfw.onnx")?,
            objects: Net::open(models, "weapon/efficientnet-lite0.onnx")?,
        })
    }

    /// Looks at one.
    ///
    /// # Errors
    /// When a network fails.
    pub fn look(&mut self, picture: &Picture, effort: Effort) -> Result<Seen, Error> {
        let first = score(self.first(picture)?);
        let is_asked = first >= NOTHING || effort == Effort::Thorough;
        let second = if is_asked { Some(score(self.second(picture)?)) } else { None };
        let quarters = picture.quarters();
        let weapon = match effort {
            Effort::Thorough | Effort::Usual => self.weapon(picture, &quarters)?,
            Effort::Hurried(turn) => self.weapon(picture, &[quarters[turn % quarters.len()]])?,
        };
        let nudity = second.map_or(first, |second| first.min(second));
        Ok(Seen { nudity, nudity_first: first, nudity_second: second, weapon: score(weapon) })
    }

    /// Drawing, hentai, neutral, porn, sexy: the second and the fourth are what is looked for.
    fn first(&mut self, picture: &Picture) -> Result<f32, Error> {
        let rgb = picture.square(picture.whole(), SIDE)?;
        let data = rgb.iter().map(|byte| f32::from(*byte) / 255.0).collect();
        let image = Values::Floats(vec![1, SIDE as usize, SIDE as usize, 3], data);
        let scores = self.nsfwjs.run(vec![("image", image)], &["scores"])?.concat();
        let &[_, hentai, _, porn, _] = scores.as_slice() else { return Err(odd()) };
        Ok(hentai + porn)
    }

    fn second(&mut self, picture: &Picture) -> Result<f32, Error> {
        let rgb = picture.square(picture.whole(), OUTER)?;
        let (edge, row) = ((OUTER - SIDE) as usize / 2, OUTER as usize * 3);
        let inside = |line: usize| &rgb[(line + edge) * row + edge * 3..][..SIDE as usize * 3];
        let bgr = |pixel: &[u8]| [2, 1, 0].map(|i| f32::from(pixel[i]) - MEAN[2 - i]);
        let data = (0..SIDE as usize).flat_map(|line| inside(line).chunks_exact(3).flat_map(bgr)).collect();
        let image = Values::Floats(vec![1, SIDE as usize, SIDE as usize, 3], data);
        let scores = self.open_nsfw.run(vec![("input:0", image)], &["outputs"])?.concat();
        let &[_, nudity] = scores.as_slice() else { return Err(odd()) };
        Ok(nudity)
    }

    fn weapon(&mut self, picture: &Picture, quarters: &[Part]) -> Result<f32, Error> {
        let parts: Vec<Part> = [picture.whole()].into_iter().chain(quarters.iter().copied()).collect();
        let mut data = Vec::with_capacity(parts.len() * (SIDE * SIDE * 3) as usize);
        for part in &parts {
            let rgb = picture.square(*part, SIDE)?;
            let plane =
                |i: usize| rgb.iter().skip(i).step_by(3).map(|byte| (f32::from(*byte) - 127.0) / 128.0);
            data.extend((0..3).flat_map(plane));
        }
        let image = Values::Floats(vec![parts.len(), 3, SIDE as usize, SIDE as usize], data);
        let scores = self.objects.run(vec![("image", image)], &["scores"])?.concat();
        if scores.len() != parts.len() * CLASSES {
            return Err(odd());
        }
        let guns = |part: &[f32]| GUNS.iter().map(|class| part[*class]).sum::<f32>();
        Ok(scores.chunks_exact(CLASSES).map(guns).fold(0.0, f32::max))
    }
}

fn odd() -> Error {
    Error::Run("its output has another shape than it should".to_owned())
}
