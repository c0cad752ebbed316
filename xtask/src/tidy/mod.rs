//! placeholder
pub(crate) fn tidy() -> anyhow::Result<()> {
    Ok(())
}
