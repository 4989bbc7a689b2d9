//! Doors for benches, fuzz targets and one test, which have to get at one part without the others. Nothing else comes in here.

use crate::{
    Agreed, Division, MemoryJournal, Scan, ScanLimits, SourceColumn, TableDescription, TableEntry, TableKind,
    agreed,
    client::{Client, LOGIN, Target},
    decode::{Cells, ColumnBuilder},
    tls::ProviderRoots,
    types::{self, ServerTraits},
    wire::{
        Failure,
        login::{self, LoggedIn, Login},
        pipeline::Format,
    },
};
use arrow_array::{ArrayRef, BinaryArray, cast::AsArray};
use mycorr_domain::{Column, DatabaseName, Endpoint, Port, Result, RoleName, Secret, output};
use mycorr_egress::{AllowList, Dialer, Host};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{net::TcpStream, time::Instant};

const TRAITS: ServerTraits = ServerTraits { shortest_floats: true, integer_datetimes: true };

/// A stretch of DataRow messages of one column, from their bytes to an array.
pub struct EncodedRows {
    input: Vec<u8>,
    column: Column,
    format: Format,
    cells: Cells,
    builder: ColumnBuilder,
}

impl EncodedRows {
    /// A column of the type `oid` (`pg_type.dat`) with its `atttypmod`, and its cells in the format that the type
    /// map asks for; `None` for null.
    pub fn new(oid: u32, modifier: i32, cells: impl IntoIterator<Item = Option<Vec<u8>>>) -> Self {
        let mapping = types::map(oid, modifier, TRAITS);
        let column = Column {
            name: String::new(),
            position: 1,
            pg_type: String::new(),
            stored: mapping.stored,
            nullable: true,
            field: String::new(),
            tree: None,
        };
        let mut input = Vec::new();
        for cell in cells {
            let length = cell.as_ref().map_or(-1, |cell| cell.len() as i32);
            input.push(b'D');
            input.extend((10 + length.max(0)).to_be_bytes());
            input.extend(1i16.to_be_bytes());
            input.extend(length.to_be_bytes());
            input.extend(cell.into_iter().flatten());
        }
        let builder = ColumnBuilder::new(&column, mapping.format);
        Self { input, column, format: mapping.format, cells: Cells::new(1), builder }
    }

    /// Whether the cells are the text that PostgreSQL prints.
    pub fn is_text(&self) -> bool {
        self.format == Format::Text
    }

    /// The column, and its companion if a cell needs one.
    ///
    /// # Errors
    /// What the server would be told off for.
    pub fn decode(&mut self) -> Result<(ArrayRef, Option<ArrayRef>), String> {
        let told = |failure: Failure| failure.to_string();
        self.cells.clear();
        let mut at = 0;
        while let Some(&[b'D', a, b, c, d]) = self.input[at..].first_chunk() {
            let end = at + 1 + u32::from_be_bytes([a, b, c, d]) as usize;
            self.cells.locate(&self.input, at + 5, end).map_err(told)?;
            at = end;
        }
        self.builder.extend(&self.cells, &self.input, 0).map_err(told)?;
        Ok(self.builder.finish(self.cells.rows()))
    }

    /// What is shown for each of the cells.
    ///
    /// # Errors
    /// As [`EncodedRows::decode`].
    pub fn shown(&mut self) -> Result<Vec<Option<Vec<u8>>>, String> {
        let (native, exact) = self.decode()?;
        let exact: Option<&BinaryArray> = exact.as_ref().map(|exact| exact.as_binary());
        let shown = |row| output::bytes_of(&self.column, &native, exact, row).map(|bytes| bytes.into_owned());
        Ok((0..native.len()).map(shown).collect())
    }
}

/// [`crate::agree`] that believes whatever the snapshots are: for the test that shows what the comparison is for.
///
/// # Errors
/// As [`crate::agree`].
pub async fn agree_unproven(scans: Vec<Scan>, division: &Division) -> Result<Agreed> {
    agreed::agree_by(scans, None, division, agreed::Proof::Skip).await
}

/// What a conversation begins with.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Signing in, and then all of [`Part::Describe`].
    Login,
    /// Every question about the catalogue, and the passport.
    Catalogue,
    /// Describing `public.orders`, and then all of [`Part::Rows`].
    Describe,
    /// Reading a table of a bigint, a double precision and a text.
    Rows,
}

/// Plays our side against whatever comes from `stream`, to the end or to the first failure.
pub async fn converse(stream: TcpStream, part: Part) {
    let endpoint = Endpoint {
        host: "db.example.com".into(),
        port: Port::parse(5432).expect("a port"),
        database: DatabaseName::parse("shop").expect("a name"),
        username: RoleName::parse("reader").expect("a name"),
        encrypted: false,
    };
    let host = Host::parse(&endpoint.host).expect("a host");
    let target = Target {
        endpoint,
        password: Secret::new("secret".into()),
        ca_certificate: None,
        provider_roots: ProviderRoots::none(),
    };
    let opened = login::open(stream, "", None, Instant::now() + LOGIN).await;
    let Ok(mut opened) = opened else { unreachable!("nothing is asked for a connection in clear") };
    let mut told = LoggedIn { cancel: None, version: String::new(), integer_datetimes: true };
    if matches!(part, Part::Login) {
        let mut login = Login::new(&mut opened);
        if login.authenticate(&target.endpoint, &target.password).await.is_err() {
            return;
        }
        let Ok(logged_in) = login.finish().await else { return };
        told = logged_in;
    }
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 5432));
    let dialer = Dialer::new(AllowList::default());
    let journal = Arc::new(MemoryJournal::default());
    let Ok(mut client) = Client::new(opened.wire, &target, told, dialer, host, address, journal) else {
        return;
    };
    let table = match part {
        Part::Catalogue => return catalogue(client).await,
        Part::Rows => orders(),
        Part::Login | Part::Describe => match client.describe("public", "orders").await {
            Ok(table) => table,
            Err(_) => return,
        },
    };
    let limits = ScanLimits { row: 1 << 20, ..ScanLimits::default() };
    let Ok(mut scan) = client.read(&table, None, limits).await else { return };
    let mut rows = 0;
    while let Ok(Some(batch)) = scan.next().await {
        rows += batch.num_rows() as u64;
        assert!(batch.num_rows() > 0 && scan.rows() == rows);
    }
}

async fn catalogue(mut client: Client) {
    let _ = client.schemas(None, 100).await;
    let _ = client.tables("public", Some("or"), None, 100).await;
    let _ = client.search("or", None, 100).await;
    let _ = client.preview(&orders(), 10).await;
    let _ = client.passport().await;
}

fn orders() -> TableDescription {
    let column = |(name, type_oid): (&str, u32), position| {
        let mapping = types::map(type_oid, -1, TRAITS);
        SourceColumn {
            name: name.to_owned(),
            position,
            pg_type: name.to_owned(),
            stored: mapping.stored,
            nullable: true,
            readable: true,
            primary_key: false,
            tree: None,
            masking: None,
            type_oid,
            mapping,
        }
    };
    let types = [("bigint", 20), ("double precision", 701), ("text", 25)];
    TableDescription {
        entry: TableEntry {
            schema: "public".into(),
            name: "orders".into(),
            kind: TableKind::Table,
            estimated_rows: None,
            bytes: None,
            readable: true,
            problem: None,
        },
        oid: 16384,
        columns: types.into_iter().zip(1..).map(|(named, position)| column(named, position)).collect(),
        row_security: false,
        grant: None,
        denied: Vec::new(),
        conditions: Default::default(),
    }
}
