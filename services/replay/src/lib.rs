//! The policy laboratory: past incidents, simulated people, and several policies side by side on virtual time.
