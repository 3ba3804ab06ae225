//! What is done to one date of a series: left out, moved, restored; and what becomes of that when the series changes.

use althing_plugin::dates::read_day;
use althing_plugin::{Context, Value};

use super::Moved;
use crate::event::{DAY_MINUTES, Event, Plan};
use crate::new::{check_length, check_place, check_start, read_time};

/// Dates of one series that are not as its rule has them.
const EXCEPTIONS_MAX: usize = 200;

impl Event {
    /// Leaves one date out.
    pub fn skip(&mut self, ctx: &Context, date: &str) -> Result<(), String> {
        let day = self.day_of(ctx, date)?;
        if self.is_skipped(day) {
            return Err(format!("The event is left out on {date} already."));
        }
        self.forget(day);
        self.check_room()?;
        self.skipped.push(day);
        self.skipped.sort_unstable();
        Ok(())
    }

    /// Gives one date another time or place: what is given is put in place of what was, `null` is what the series
    /// has.
    pub fn move_date(&mut self, ctx: &Context, value: &Value) -> Result<(), String> {
        let unclear = "A date is moved with `{\"date\": \"2026-12-11\", \"starts\": …, \"ends\": …, \"place\": …}`.";
        let changes = value.as_object().ok_or(unclear)?;
        let known = ["date", "starts", "ends", "place"];
        if let Some(field) = changes
            .keys()
            .find(|field| !known.contains(&field.as_str()))
        {
            return Err(format!("{unclear} There is no `{field}`."));
        }
        let text = |field: &str| match changes.get(field) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text.as_str()))),
            Some(_) => Err(format!("`{field}` must be a text.")),
        };
        let date = text("date")?.flatten().ok_or(unclear)?;
        let day = self.day_of(ctx, date)?;
        if self.is_skipped(day) {
            return Err(format!(
                "The event is left out on {date}: restore that first."
            ));
        }
        let series = Plan {
            start: self.plan.start_on(day),
            repeat: None,
            ..self.plan.clone()
        };
        let mut plan = self.plan_on(day);
        match text("starts")? {
            None => {}
            Some(None) => plan.start = series.start,
            // Moved alone, it lasts as long as before.
            Some(Some(starts)) => plan.start = self.read_time("starts", starts)?,
        }
        match text("ends")? {
            None => {}
            Some(None) => plan.minutes = series.minutes,
            Some(Some(ends)) => {
                let end =
                    self.read_time("ends", ends)? + if plan.all_day { DAY_MINUTES } else { 0 };
                plan.minutes = check_length(end - plan.start)?;
            }
        }
        match text("place")? {
            None => {}
            Some(place) => plan.place = place.map_or(Ok(series.place), check_place)?,
        }
        let (now, zone) = (i64::try_from(ctx.now_ms).unwrap_or(i64::MAX), plan.zone());
        let (start_ms, end_ms) = plan.times(&zone, plan.start, plan.minutes);
        check_start(start_ms, now)?;
        if end_ms <= now {
            return Err("The time to which the date is moved is over already.".to_owned());
        }
        let moved = Moved::of(day, &plan, &self.plan, ctx.now_ms);
        if !self.forget(day) && !moved.differs() {
            return Err(format!("That is how the series has {date}."));
        }
        if moved.differs() {
            self.check_room()?;
            self.moved.push(moved);
            self.moved.sort_unstable_by_key(|moved| moved.day);
        }
        Ok(())
    }

    /// Makes one date as the series has it.
    pub fn restore(&mut self, ctx: &Context, date: &str) -> Result<(), String> {
        let day = self.day_of(ctx, date)?;
        let end_ms = self.plan.occurrence(&self.plan.zone(), day).end_ms;
        if end_ms <= i64::try_from(ctx.now_ms).unwrap_or(i64::MAX) {
            return Err(format!(
                "The series has {date} at a time that is over already."
            ));
        }
        match self.forget(day) {
            true => Ok(()),
            false => Err(format!("{date} is as the series has it.")),
        }
    }

    /// Reads a time for a date; a series of whole days has whole days.
    fn read_time(&self, field: &str, text: &str) -> Result<i64, String> {
        match (read_time(field, text)?, self.plan.all_day) {
            ((_, false), true) => Err(format!(
                "The event takes whole days, so `{field}` must be a day such as 2026-12-04."
            )),
            ((_, true), false) => Err(format!(
                "The event has a time, so `{field}` must be one such as 2026-12-04T12:30."
            )),
            ((minutes, _), _) => Ok(minutes),
        }
    }

    /// The day of a date of the series that is not over.
    fn day_of(&self, ctx: &Context, date: &str) -> Result<i64, String> {
        if self.plan.repeat.is_none() {
            return Err("The event has one date only: cancel it, or edit it.".to_owned());
        }
        let day = read_day(date).filter(|day| self.plan.days(*day).next() == Some(*day));
        let day = day.ok_or_else(|| format!("The event has no date {date}."))?;
        let end_ms = self.occurrence(&self.plan.zone(), day).end_ms;
        match end_ms <= i64::try_from(ctx.now_ms).unwrap_or(i64::MAX) {
            true => Err(format!("{date} is over already.")),
            false => Ok(day),
        }
    }

    /// Forgets that a date is not as the rule has it. False when it is.
    fn forget(&mut self, day: i64) -> bool {
        let known = self.exceptions();
        self.skipped.retain(|known| *known != day);
        self.moved.retain(|moved| moved.day != day);
        self.exceptions() < known
    }

    fn exceptions(&self) -> usize {
        self.skipped.len() + self.moved.len()
    }

    fn check_room(&self) -> Result<(), String> {
        match self.exceptions() >= EXCEPTIONS_MAX {
            true => Err(format!(
                "At most {EXCEPTIONS_MAX} dates of an event can be left out or moved."
            )),
            false => Ok(()),
        }
    }

    /// After the series has got another rule or other times: what was said of days on which it has no date any more
    /// goes, and so do times where it was whole days, or the other way round.
    pub fn fit_exceptions(&mut self, was_all_day: bool) {
        let last = self
            .skipped
            .iter()
            .chain(self.moved.iter().map(|moved| &moved.day))
            .max();
        let Some(last) = last.copied().filter(|_| self.plan.repeat.is_some()) else {
            self.skipped.clear();
            self.moved.clear();
            return;
        };
        let days: Vec<i64> = self
            .plan
            .days(i64::MIN)
            .take_while(|day| *day <= last)
            .collect();
        self.skipped.retain(|day| days.binary_search(day).is_ok());
        self.moved
            .retain(|moved| days.binary_search(&moved.day).is_ok());
        let same_kind = was_all_day == self.plan.all_day;
        for moved in &mut self.moved {
            moved.start = moved.start.filter(|_| same_kind);
            moved.minutes = moved.minutes.filter(|_| same_kind);
        }
        let dates = self.moved.iter().map(|moved| {
            let date = self.plan_on(moved.day);
            Moved::of(moved.day, &date, &self.plan, moved.set_ms)
        });
        self.moved = dates.filter(Moved::differs).collect();
    }
}
