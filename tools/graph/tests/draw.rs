// SPDX-License-Identifier: BSD-2-Clause
//! The picture shows everything, is well-formed whatever names the description has, and no text in it overlaps another.
#![forbid(unsafe_code)]

use molt_sdf::{Source, System};
use roxmltree::{Document, Node};
use std::path::{Path, PathBuf};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/sdf");

fn system(text: &str) -> System {
    let source = Source::new("test.system".to_owned(), text.to_owned());
    let prefill = Path::new(FIXTURES).join("prefill");
    molt_sdf::check(source, &[prefill]).unwrap_or_else(|error| panic!("{error}"))
}

/// All good descriptions, among them the repository's own.
fn systems() -> Vec<System> {
    let folder = std::fs::read_dir(Path::new(FIXTURES).join("good")).expect("fixtures");
    let mut paths: Vec<_> = folder.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.push(Path::new(FIXTURES).join("../../../system.xml"));
    let prefill = [Path::new(FIXTURES).join("prefill")];
    let load = |path: &PathBuf| {
        molt_sdf::load_any(path, &prefill).unwrap_or_else(|error| panic!("{error}"))
    };
    let mut systems: Vec<_> = paths.iter().map(load).collect();
    systems.extend((2..=15).map(|count| system(&full(count))));
    systems
}

/// A system of `count` PDs, all of which have channels with their neighbours and share memory with those behind them.
fn full(count: usize) -> String {
    let (mut regions, mut domains, mut channels) = (String::new(), String::new(), String::new());
    for n in 0..count {
        let (next, other) = ((n + 1) % count, (n + 3) % count);
        regions += &format!("<memory_region name='shared_memory_{n}' size='0x1000' />");
        let maps: String = [n, next]
            .iter()
            .enumerate()
            .map(|(i, r)| {
                format!(
                    "<map mr='shared_memory_{r}' vaddr='{:#x}' />",
                    0x100_0000 + i * 0x1000
                )
            })
            .collect();
        let (priority, irq) = (200 - n / 3, 40 + n);
        domains += &format!(
            "<protection_domain name='protection_domain_{n}' priority='{priority}'>
               <program_image path='a_program_with_a_long_name_{n}.elf' />{maps}<irq irq='{irq}' id='60' />
             </protection_domain>"
        );
        for (k, to) in [next, other]
            .into_iter()
            .enumerate()
            .filter(|(_, to)| *to != n)
        {
            let (a, b) = (2 * k, 2 * k + 1);
            channels += &format!(
                "<channel><end pd='protection_domain_{n}' id='{a}' /><end pd='protection_domain_{to}' id='{b}' /></channel>"
            );
        }
    }
    format!("<system>{regions}{domains}{channels}</system>")
}

fn titles(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).expect("well-formed");
    let titles = document.descendants().filter(|n| n.has_tag_name("title"));
    titles
        .map(|n| n.text().unwrap_or_default().to_owned())
        .collect()
}

fn has(titles: &[String], what: &str) -> bool {
    titles.iter().any(|title| title.contains(what))
}

#[test]
fn everything_of_a_description_appears() {
    for system in systems() {
        let titles = titles(&molt_graph::draw(&system));
        for domain in &system.domains {
            assert!(has(&titles, &domain.name), "{}", domain.name);
            assert!(has(
                &titles,
                &format!("priority {}, ", domain.schedule.priority)
            ));
            for irq in &domain.irqs {
                assert!(has(&titles, &format!("interrupt {} ", irq.number.value)));
            }
            if let Some(machine) = &domain.machine {
                assert!(has(&titles, &machine.name), "{}", machine.name);
            }
            for target in domain.any_doorbell().iter().flat_map(|bell| &bell.updates) {
                let of = domain
                    .machine
                    .as_ref()
                    .map_or(&domain.name, |machine| &machine.name);
                let to = &system.domains[*target].name;
                assert!(has(&titles, &format!("doorbell of {of}: may update {to}")));
            }
        }
        for region in &system.regions {
            assert!(has(&titles, &region.name), "{}", region.name);
        }
        for channel in &system.channels {
            let [a, b] = &channel.ends;
            let is_it = |title: &&String| {
                let end = |e: &molt_sdf::model::End| {
                    format!("{} (id {}", system.domains[e.domain].name, e.id.value)
                };
                title.starts_with("channel: ") && title.contains(&end(a)) && title.contains(&end(b))
            };
            assert_eq!(titles.iter().filter(is_it).count(), 1);
        }
    }
}

#[test]
fn hostile_names_are_text() {
    let name = "&lt;/text&gt;&lt;script&gt;alert(&quot;&apos;&amp;&quot;)&lt;/script&gt;";
    let text = format!(
        "<system><memory_region name='{name}' size='0x1000' />
         <protection_domain name='{name}'><program_image path='{name}' /><map mr='{name}' vaddr='0x1000' />
         <virtual_machine name='{name}'><vcpu id='0' /></virtual_machine></protection_domain>
         <protection_domain name=']]&gt;&#9;--&gt;'><program_image path='b' /><map mr='{name}' vaddr='0x1000' />
         </protection_domain></system>"
    );
    let picture = molt_graph::draw(&system(&text));
    assert!(!picture.contains("<script"));
    let document = Document::parse(&picture).expect("well-formed");
    let known = ["svg", "style", "rect", "text", "g", "title", "path"];
    let stranger = document
        .descendants()
        .find(|n| n.is_element() && !known.contains(&n.tag_name().name()));
    assert_eq!(stranger.map(|n| n.tag_name().name()), None);
    assert!(has(
        &titles(&picture),
        "</text><script>alert(\"'&\")</script>"
    ));
}

#[test]
fn equal_descriptions_make_equal_pictures() {
    let text = full(12);
    assert_eq!(
        molt_graph::draw(&system(&text)),
        molt_graph::draw(&system(&text))
    );
}

#[test]
fn the_picture_in_the_readme_is_of_the_default_system() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let drawn = molt_graph::draw(&molt_sdf::load(&root.join("system.xml"), &[]).expect("in order"));
    let shown =
        std::fs::read_to_string(root.join("docs/pictures/system.svg")).expect("the picture");
    assert!(
        drawn == shown,
        "draw it anew: ./molt graph -o docs/pictures/system.svg"
    );
}

fn number(node: Node, name: &str) -> f64 {
    node.attribute(name)
        .and_then(|value| value.parse().ok())
        .unwrap_or_default()
}

/// Left, right, top, bottom that a text takes, by a usual font's mean width, and what it says.
fn extent(node: Node) -> ([f64; 4], String) {
    let size = match node.attribute("class") {
        Some("title") => 18.0,
        Some("name") => 14.0,
        Some("memoryname") => 12.5,
        Some("tag" | "port") => 9.5,
        _ => 11.5,
    };
    let text = node.text().unwrap_or_default().to_owned();
    let width = text.chars().count() as f64 * size * 0.56;
    let (x, y) = (number(node, "x"), number(node, "y"));
    let left = match node.attribute("text-anchor") {
        Some("middle") => x - width / 2.0,
        Some("end") => x - width,
        _ => x,
    };
    ([left, left + width, y - 0.7 * size, y], text)
}

#[test]
fn no_text_lies_over_another_or_outside() {
    for system in systems() {
        let picture = molt_graph::draw(&system);
        let document = Document::parse(&picture).expect("well-formed");
        let (width, height) = (
            number(document.root_element(), "width"),
            number(document.root_element(), "height"),
        );
        let texts: Vec<_> = document
            .descendants()
            .filter(|n| n.has_tag_name("text"))
            .map(extent)
            .collect();
        for (n, ([left, right, top, bottom], text)) in texts.iter().enumerate() {
            assert!(
                *left >= 0.0 && *right <= width && *top >= 0.0 && *bottom <= height,
                "{text} is outside"
            );
            for ([l, r, t, b], other) in &texts[..n] {
                let over = left < r && l < right && top < b && t < bottom;
                assert!(!over, "'{text}' lies over '{other}'");
            }
        }
    }
}

#[test]
fn usual_systems_are_1200_wide() {
    for count in 2..=15 {
        let picture = molt_graph::draw(&system(&full(count)));
        let document = Document::parse(&picture).expect("well-formed");
        let width = number(document.root_element(), "width");
        assert!(width <= 1300.0, "{count} PDs take {width} pixels");
        assert!(
            count > 8 || width == 1200.0,
            "{count} PDs take {width} pixels"
        );
    }
}
