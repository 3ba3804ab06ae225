//! The figures, as a table for people and as JSON for comparisons.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::Samples;

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    pub name: String,
    pub unit: &'static str,
    pub host: Samples,
    /// The same of the floor, or of what else the host is compared with.
    pub floor: Option<Samples>,
    /// For the ratio where there is a floor, else for the figure.
    pub target: Option<Target>,
}

/// All figures of a run.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub rows: Vec<Row>,
}

impl Row {
    /// A figure without a floor.
    pub fn alone(name: impl Into<String>, unit: &'static str, host: Samples) -> Self {
        Self {
            name: name.into(),
            unit,
            host,
            floor: None,
            target: None,
        }
    }

    /// A figure beside its floor.
    pub fn beside(
        name: impl Into<String>,
        unit: &'static str,
        host: Samples,
        floor: Samples,
    ) -> Self {
        Self {
            floor: Some(floor),
            ..Self::alone(name, unit, host)
        }
    }

    /// The same with a target.
    pub fn with_target(self, target: Target) -> Self {
        Self {
            target: Some(target),
            ..self
        }
    }

    /// The median over the rounds of host to floor, each round by itself: what disturbs a round
    /// disturbs both.
    pub fn ratio(&self) -> Option<f64> {
        let floor = self.floor.as_ref()?;
        let ratios = self
            .host
            .0
            .iter()
            .zip(&floor.0)
            .map(|(host, floor)| host / floor);
        Some(Samples(ratios.collect()).median())
    }

    /// Whether it is as it should be.
    pub fn is_met(&self) -> Option<bool> {
        let value = self.ratio().unwrap_or_else(|| self.host.median());
        Some(match self.target? {
            Target::AtLeast(least) => value >= least,
            Target::AtMost(most) => value <= most,
        })
    }
}

impl Report {
    /// Adds a figure and shows it.
    pub fn add(&mut self, row: Row) {
        eprintln!("  {}", line(&row, 0).trim_end());
        self.rows.push(row);
    }

    /// All figures, aligned.
    pub fn table(&self) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.name.len())
            .max()
            .unwrap_or(0);
        let mut table = format!(
            "{:width$}  {:>10} {:>6}  {:>10} {:>6}  {:<20} {:>6}  target\n",
            "", "host", "±", "floor", "±", "", "ratio"
        );
        for row in &self.rows {
            let _ = writeln!(table, "{}", line(row, width).trim_end());
        }
        table
    }

    /// Writes everything, each round's figures among it.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(
            file,
            serde_json::to_string_pretty(self)? + "\n",
        )?)
    }
}

fn line(row: &Row, width: usize) -> String {
    let noise = |samples: &Samples| match samples.0.len() {
        0 | 1 => String::new(),
        _ if samples.median() == 0.0 => String::new(),
        _ => format!("{:.0}%", samples.spread() * 50.0),
    };
    let (floor, floor_noise) = match &row.floor {
        Some(floor) => (figure(floor.median()), noise(floor)),
        None => Default::default(),
    };
    let ratio = row
        .ratio()
        .map(|ratio| format!("{ratio:.2}"))
        .unwrap_or_default();
    let target = match (row.target, row.is_met()) {
        (Some(target), Some(met)) => {
            let (sign, value) = match target {
                Target::AtLeast(least) => ("≥", least),
                Target::AtMost(most) => ("≤", most),
            };
            format!("{sign} {value} {}", if met { "met" } else { "MISSED" })
        }
        _ => String::new(),
    };
    format!(
        "{:width$}  {:>10} {:>6}  {:>10} {:>6}  {:<20} {:>6}  {}",
        row.name,
        figure(row.host.median()),
        noise(&row.host),
        floor,
        floor_noise,
        row.unit,
        ratio,
        target
    )
}

/// Three digits that count.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The second round ran on a busy machine.
        let row = Row::beside(
            "sends",
            "a second",
            Samples(vec![50.0, 5.0, 52.0]),
            Samples(vec![100.0, 10.0, 100.0]),
        );
        assert_eq!(row.ratio(), Some(0.5));
        assert_eq!(
            row.clone().with_target(Target::AtLeast(0.5)).is_met(),
            Some(true)
        );
        assert_eq!(row.with_target(Target::AtMost(0.4)).is_met(), Some(false));
        let alone = Row::alone("cpu", "µs", Samples(vec![39.0])).with_target(Target::AtMost(40.0));
        assert_eq!((alone.ratio(), alone.is_met()), (None, Some(true)));
    }
}
