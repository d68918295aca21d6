//! The sample site, and what is added to it later. The files themselves stand in `site/`.

macro_rules! file {
    ($path:literal) => {
        ($path, include_bytes!(concat!("site/", $path)))
    };
    ($path:literal from $stored:literal) => {
        ($path, include_bytes!(concat!("site/", $stored)))
    };
}

/// A file's path below the folder, and its bytes.
pub(super) type File = (&'static str, &'static [u8]);

/// A picture of the site, which the desk's agent sends too.
pub(super) const CHART: File = file!("img/chart.png");

/// The site as it is at first, with two files that are not for visitors.
pub(super) const FILES: &[File] = &[
    file!(".syncdignore" from "syncdignore"),
    file!("404.html"),
    file!("about.html"),
    file!("assets/site.css"),
    file!("assets/site.js"),
    file!("data/lights.json"),
    file!("feed.xml"),
    file!("guide/index.html"),
    file!("guide/northpoint.html"),
    file!("guide/skerry.html"),
    file!("guide/灯塔.html"),
    CHART,
    file!("img/dengta.svg"),
    file!("img/dusk.jpg"),
    file!("img/harbour.svg"),
    file!("img/icon-180.png"),
    file!("img/lens.svg"),
    file!("img/mark.svg"),
    file!("img/northpoint.svg"),
    file!("img/skerry.svg"),
    file!("index.html"),
    file!("notes/draft.md"),
    file!("robots.txt"),
    file!("site.webmanifest"),
];

/// What `.syncdignore` and syncd itself leave out.
pub(super) const LEFT_OUT: &[&str] = &[".syncdignore", "notes"];

/// A page that is added, …
pub(super) const ADDED_PAGE: File = file!("guide/outer-reef.html" from "later/outer-reef.html");
/// … the picture on it, …
pub(super) const ADDED_PICTURE: File = file!("img/outer-reef.svg" from "later/outer-reef.svg");
/// … where the first page gets its link, …
pub(super) const LINK_BEFORE: &str = "</ul>\n<h2>Tonight</h2>";
/// … and the link.
pub(super) const LINK: &str = r#"<li><a href="guide/outer-reef.html"><img src="img/outer-reef.svg" alt=""></a>
<div><h3><a href="guide/outer-reef.html">The Outer Reef</a></h3>
<p>The newest light: no keeper, no stairs.</p></div></li>
</ul>
<h2>Tonight</h2>"#;

/// The pages that the last change touches. None is published last: those would wait until nothing can come
/// late any more.
pub(super) const PAGES: &[&str] = &[
    "404.html",
    "about.html",
    "guide/northpoint.html",
    "guide/outer-reef.html",
    "guide/skerry.html",
    "guide/灯塔.html",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `href` and `src` of a page that points into the site.
    fn targets(page: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for attribute in ["href=\"", "src=\"", "data-source=\""] {
            for rest in text.split(attribute).skip(1) {
                let target = rest.split('"').next().unwrap();
                let path = match target.strip_prefix('/') {
                    Some(absolute) => absolute.to_owned(),
                    None => match (page.rsplit_once('/'), target.strip_prefix("../")) {
                        (Some(_), Some(up)) => up.to_owned(),
                        (Some((directory, _)), None) => format!("{directory}/{target}"),
                        (None, _) => target.to_owned(),
                    },
                };
                found.push(path);
            }
        }
        found
    }

    #[test]
    fn every_link_of_the_site_leads_to_a_file_of_it() {
        let mut files = FILES.to_vec();
        files.extend([ADDED_PAGE, ADDED_PICTURE]);
        for (path, bytes) in &files {
            if path
                .rsplit_once('.')
                .is_some_and(|(_, extension)| extension == "html")
            {
                let text = std::str::from_utf8(bytes).unwrap();
                let targets = targets(path, text);
                assert!(targets.len() > 5, "{path}");
                for target in targets {
                    assert!(
                        files.iter().any(|(file, _)| *file == target),
                        "{path}: {target}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_first_page_has_a_place_for_the_link() {
        let (_, index) = FILES
            .iter()
            .find(|(path, _)| *path == "index.html")
            .unwrap();
        assert!(std::str::from_utf8(index).unwrap().contains(LINK_BEFORE));
    }
}
