//! Prints the JSON Schema of catalogue entries: `cargo run -p summoner --example entry_schema > docs/entry.schema.json`.

fn main() {
    println!("{:#}", server::catalog::entry_schema());
}
