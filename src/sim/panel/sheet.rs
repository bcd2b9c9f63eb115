//! Draws rows as the panel's resources, with their relations.

use jiff::tz::Offset;

use crate::panel::call::{Answer, Call, Grants};
use crate::panel::json::Json;
use crate::panel::list::Page;
use crate::panel::problem::Problem;
use crate::panel::spec::Dialect;
use crate::panel::world::{Kind, Resource, View};
use crate::reply::Reply;

/// A response being drawn. The files of the resources add a method each, which writes `object` and `attributes` into an object
/// that the caller has opened.
pub(crate) struct Sheet<'a> {
    /// The document.
    pub(crate) json: Json,
    /// The rows.
    pub(crate) view: View<'a>,
    /// Whose shapes.
    pub(crate) dialect: Dialect,
    /// Offset of the panel's own zone.
    pub(crate) zone: Offset,
    grants: Grants,
    thrown: Option<&'static str>,
}

impl<'a> Sheet<'a> {
    /// An empty sheet.
    pub(crate) fn new(call: &Call<'_>, view: View<'a>) -> Self {
        let zone = Offset::from_seconds(view.world.utc_offset_minutes * 60).unwrap_or(Offset::UTC);
        Self { json: Json::object(), view, dialect: call.dialect(), zone, grants: call.caller.grants, thrown: None }
    }

    /// One resource as the whole answer.
    pub(crate) fn single(call: &Call<'_>, view: View<'a>, draw: impl FnOnce(&mut Self)) -> Answer {
        let mut sheet = Self::new(call, view);
        draw(&mut sheet);
        sheet.answer(200)
    }

    /// A freshly made resource with the address at which it can be read.
    pub(crate) fn created(call: &Call<'_>, view: View<'a>, path: &str, draw: impl FnOnce(&mut Self)) -> Answer {
        let mut sheet = Self::new(call, view);
        draw(&mut sheet);
        sheet.json.open("meta");
        sheet.json.put("resource", format!("{}{path}", call.request.base));
        sheet.json.close();
        sheet.answer(201)
    }

    /// A list without pages as the whole answer.
    pub(crate) fn all<R>(
        call: &Call<'_>,
        view: View<'a>,
        rows: impl IntoIterator<Item = R>,
        draw: impl FnMut(&mut Self, R),
    ) -> Answer {
        let mut sheet = Self::new(call, view);
        sheet.rows(rows, draw);
        sheet.answer(200)
    }

    /// One page as the whole answer, with links that lose the query.
    pub(crate) fn page<R: Copy>(
        call: &Call<'_>,
        view: View<'a>,
        page: &Page<R>,
        draw: impl FnMut(&mut Self, R),
    ) -> Answer {
        let mut sheet = Self::new(call, view);
        sheet.rows(page.rows.iter().copied(), draw);
        sheet.json.open("meta");
        page.pagination(&mut sheet.json, |page| call.bare_link(page));
        sheet.json.close();
        sheet.answer(200)
    }

    /// Closes the document.
    ///
    /// # Errors
    /// 500 when drawing met a row that cannot be shown.
    pub(crate) fn answer(self, status: u16) -> Answer {
        match self.thrown {
            Some(code) => Err(Problem::thrown(code)),
            None => Ok(Reply::json(status, self.json.finish())),
        }
    }

    /// Writes `object: list` and the rows.
    pub(crate) fn rows<R>(&mut self, rows: impl IntoIterator<Item = R>, mut draw: impl FnMut(&mut Self, R)) {
        self.json.put("object", "list");
        self.json.open_list("data");
        for row in rows {
            self.json.open_item();
            draw(self, row);
            self.json.close();
        }
        self.json.close_list();
    }

    /// Starts a resource: its kind's name and its open attributes.
    pub(crate) fn begin(&mut self, object: &str, kind: Kind, id: u64) {
        if self.view.world.is_broken(kind, id) {
            self.throw("TypeError");
        }
        self.json.put("object", object);
        self.json.open("attributes");
    }

    /// Ends the attributes.
    pub(crate) fn end(&mut self) {
        self.json.close();
    }

    /// The whole answer is a 500. The first exception wins, as in real life.
    pub(crate) fn throw(&mut self, code: &'static str) {
        self.thrown.get_or_insert(code);
    }

    /// A relation to many rows; a null resource when the key may not read them.
    pub(crate) fn many<R>(
        &mut self,
        name: &str,
        needs: Option<Resource>,
        rows: impl IntoIterator<Item = R>,
        draw: impl FnMut(&mut Self, R),
    ) {
        if !self.may_include(needs) {
            return self.null(name);
        }
        self.json.open(name);
        self.rows(rows, draw);
        self.json.close();
    }

    /// A relation to one row; a null resource when the key may not read it or there is none.
    pub(crate) fn one<R>(
        &mut self,
        name: &str,
        needs: Option<Resource>,
        row: Option<R>,
        draw: impl FnOnce(&mut Self, R),
    ) {
        match row.filter(|_| self.may_include(needs)) {
            None => self.null(name),
            Some(row) => {
                self.json.open(name);
                draw(self, row);
                self.json.close();
            }
        }
    }

    /// A relation that is not there, or not for this key. Nobody can tell which.
    pub(crate) fn null(&mut self, name: &str) {
        self.json.open(name);
        self.json.put("object", "null_resource");
        self.json.put("attributes", None::<bool>);
        self.json.close();
    }

    fn may_include(&self, needs: Option<Resource>) -> bool {
        needs.is_none_or(|resource| self.grants.may_read(resource))
    }
}
