//! The messages of the PBF format that are read (wiki.openstreetmap.org "PBF Format", fileformat.proto and
//! osmformat.proto); fields that nobody needs here are left out and passed over.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct BlobHeader {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(int32, tag = "3")]
    pub(super) size: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Blob {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(super) raw: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(super) zlib: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct HeaderBlock {
    #[prost(string, repeated, tag = "4")]
    pub(super) required_features: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PrimitiveBlock {
    #[prost(message, optional, tag = "1")]
    pub(super) strings: Option<StringTable>,
    #[prost(message, repeated, tag = "2")]
    pub(super) groups: Vec<PrimitiveGroup>,
    /// Nanodegrees in a unit; 100 when absent.
    #[prost(int32, optional, tag = "17")]
    pub(super) granularity: Option<i32>,
    #[prost(int64, optional, tag = "19")]
    pub(super) latitude_offset: Option<i64>,
    #[prost(int64, optional, tag = "20")]
    pub(super) longitude_offset: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StringTable {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) strings: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PrimitiveGroup {
    #[prost(message, repeated, tag = "1")]
    pub(super) nodes: Vec<Node>,
    #[prost(message, optional, tag = "2")]
    pub(super) dense: Option<DenseNodes>,
    #[prost(message, repeated, tag = "3")]
    pub(super) ways: Vec<Way>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(sint64, tag = "1")]
    pub(super) id: i64,
    #[prost(uint32, repeated, tag = "2")]
    pub(super) keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "3")]
    pub(super) values: Vec<u32>,
    #[prost(sint64, tag = "8")]
    pub(super) latitude: i64,
    #[prost(sint64, tag = "9")]
    pub(super) longitude: i64,
}

/// Ids and places are differences to the one before.
#[derive(Clone, PartialEq, Message)]
pub(super) struct DenseNodes {
    #[prost(sint64, repeated, tag = "1")]
    pub(super) ids: Vec<i64>,
    #[prost(sint64, repeated, tag = "8")]
    pub(super) latitudes: Vec<i64>,
    #[prost(sint64, repeated, tag = "9")]
    pub(super) longitudes: Vec<i64>,
    /// Key, value, key, value, 0 for each node; empty when no node has tags.
    #[prost(int32, repeated, tag = "10")]
    pub(super) keys_values: Vec<i32>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Way {
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
    #[prost(uint32, repeated, tag = "2")]
    pub(super) keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "3")]
    pub(super) values: Vec<u32>,
    /// Differences to the one before.
    #[prost(sint64, repeated, tag = "8")]
    pub(super) nodes: Vec<i64>,
}
