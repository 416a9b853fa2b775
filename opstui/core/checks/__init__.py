"""Code checks what a document says, before anyone sees it: citations, atoms, states, limits, the outward gate."""
