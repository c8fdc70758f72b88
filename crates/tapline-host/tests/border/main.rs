//! The border, with the plugins that cargo has just built beside this test.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod child;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod load;
#[cfg(test)]
mod trial;
