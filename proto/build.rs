//! Compiles the .proto files with `protox`, so that no protoc has to be installed.
use std::{env, fs, path::PathBuf};

use prost::Message as _;

const FILES: [&str; 7] = [
    "muster/v1/common.proto",
    "muster/v1/defibrillator.proto",
    "muster/v1/device.proto",
    "muster/v1/incident.proto",
    "muster/v1/responder.proto",
    "muster/journal/v1/journal.proto",
    "muster/journal/v1/snapshot.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=muster");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let descriptors = protox::compile(FILES, ["."])?;
    let encoded = descriptors.encode_to_vec();
    fs::write(out.join("descriptors.bin"), &encoded)?;

    tonic_prost_build::configure()
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors)?;
    // The JSON mapping is for MQTT payloads and program output. A newer app's fields and enum values must not cost
    // us its message.
    pbjson_build::Builder::new()
        .register_descriptors(&encoded)?
        .ignore_unknown_fields()
        .ignore_unknown_enum_variants()
        .build(&[".muster.v1"])?;
    Ok(())
}
