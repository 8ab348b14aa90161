//! Whether a line is a molecule: a checker of SMILES (Weininger 1988, J. Chem. Inf. Comput. Sci. 28), by the grammar of OpenSMILES and
//! the valences of the organic subset. It does not look for alternating bonds in aromatic rings, so that it lets a few pass that a
//! chemist's program refuses.
use std::collections::{BTreeMap, BTreeSet};

/// Why a line is no molecule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// a letter that stands for nothing here
    Letter,
    /// a parenthesis, bracket or bond without what it needs
    Syntax,
    /// a ring that is not closed, or closed upon itself
    Ring,
    /// an atom with more bonds than it can have
    Valence,
    /// an aromatic atom that lies in no aromatic ring
    Aromatic,
}

/// Atoms of the organic subset and the most bonds that they can have. Longer names stand first.
const ORGANIC: [(&str, u32); 10] = [
    ("Cl", 1),
    ("Br", 1),
    ("B", 3),
    ("C", 4),
    ("N", 3),
    ("O", 2),
    ("P", 5),
    ("S", 6),
    ("F", 1),
    ("I", 1),
];
/// Aromatic ones, and the most bonds, of which two and a half or three are the ring's.
const AROMATIC: [(&str, u32); 6] = [("b", 3), ("c", 4), ("n", 3), ("o", 2), ("p", 3), ("s", 2)];

/// An atom: what bonds it has, and how many it may have.
struct Atom {
    /// the most bonds; None where brackets say what there is
    most: Option<u32>,
    aromatic: bool,
    /// the sum of the orders of its bonds, an aromatic one counting as one
    bonds: u32,
    /// bonds to other aromatic atoms
    ring: u32,
    /// whether it gives a double bond to the ring, so that one more bond is taken
    shares: bool,
}

/// A reader of one line.
struct Reader<'a> {
    rest: &'a str,
    atoms: Vec<Atom>,
    /// the atom to which the next is bonded
    last: Option<usize>,
    /// the bond that was written before the next atom
    bond: Option<u32>,
    branches: Vec<(usize, usize)>,
    rings: BTreeMap<u32, (usize, Option<u32>)>,
    /// atoms that are bonded, the earlier one first
    bonded: BTreeSet<(usize, usize)>,
}

/// Whether a line is a molecule.
///
/// # Errors
/// The first fault.
pub fn check(smiles: &str) -> Result<(), Fault> {
    let mut r = Reader {
        rest: smiles,
        atoms: vec![],
        last: None,
        bond: None,
        branches: vec![],
        rings: BTreeMap::new(),
        bonded: BTreeSet::new(),
    };
    while !r.rest.is_empty() {
        r.one()?;
    }
    if r.atoms.is_empty() || !r.branches.is_empty() || r.bond.is_some() || r.last.is_none() {
        return Err(Fault::Syntax);
    }
    if !r.rings.is_empty() {
        return Err(Fault::Ring);
    }
    for atom in &r.atoms {
        if atom.aromatic && atom.ring < 2 {
            return Err(Fault::Aromatic);
        }
        if atom
            .most
            .is_some_and(|most| atom.bonds + u32::from(atom.shares) > most)
        {
            return Err(Fault::Valence);
        }
    }
    Ok(())
}

impl<'a> Reader<'a> {
    /// Takes up what comes next.
    fn one(&mut self) -> Result<(), Fault> {
        let first = self.rest.chars().next().unwrap_or(' ');
        match first {
            '(' => {
                let from = self.last.filter(|_| self.bond.is_none()).ok_or(Fault::Syntax)?;
                self.branches.push((from, self.atoms.len()));
                self.skip(1);
            }
            ')' => {
                let (from, atoms) = self.branches.pop().ok_or(Fault::Syntax)?;
                if self.bond.is_some() || self.atoms.len() == atoms {
                    return Err(Fault::Syntax);
                }
                self.last = Some(from);
                self.skip(1);
            }
            '-' | '=' | '#' | '$' | ':' | '/' | '\\' => {
                if self.bond.is_some() || self.last.is_none() {
                    return Err(Fault::Syntax);
                }
                self.bond = Some(match first {
                    '=' => 2,
                    '#' => 3,
                    '$' => 4,
                    _ => 1,
                });
                self.skip(1);
            }
            '.' => {
                if self.bond.is_some() || self.last.is_none() || !self.branches.is_empty() {
                    return Err(Fault::Syntax);
                }
                self.last = None;
                self.skip(1);
            }
            '0'..='9' => {
                let number = first as u32 - '0' as u32;
                self.skip(1);
                self.ring(number)?;
            }
            '%' => {
                let digits = self.rest.get(1..3).ok_or(Fault::Ring)?;
                let number = digits.parse().map_err(|_| Fault::Ring)?;
                self.skip(3);
                self.ring(number)?;
            }
            '[' => self.bracket()?,
            _ => self.organic()?,
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    /// An atom of the organic subset, or any atom.
    fn organic(&mut self) -> Result<(), Fault> {
        let of =
            |table: &[(&'static str, u32)]| table.iter().find(|(n, _)| self.rest.starts_with(n)).copied();
        let (name, most, aromatic) = match (of(&ORGANIC), of(&AROMATIC)) {
            (Some((name, most)), _) => (name, Some(most), false),
            (None, Some((name, most))) => (name, Some(most), true),
            (None, None) if self.rest.starts_with('*') => ("*", None, false),
            (None, None) => return Err(Fault::Letter),
        };
        self.skip(name.len());
        // Carbon has a double bond in the ring; nitrogen only where it has no third neighbour, which fits as well.
        self.add(most, aromatic, matches!(name, "c" | "b"))
    }

    /// `[isotope symbol chirality hydrogens charge :class]`
    fn bracket(&mut self) -> Result<(), Fault> {
        let end = self.rest.find(']').ok_or(Fault::Syntax)?;
        let inside = &self.rest[1..end];
        let inside = inside.trim_start_matches(|c: char| c.is_ascii_digit());
        let letters = |c: char| c.is_ascii_lowercase();
        let symbol = inside.chars().next().ok_or(Fault::Syntax)?;
        let aromatic = ["b", "c", "n", "o", "p", "s", "se", "as"]
            .iter()
            .any(|a| inside.starts_with(a));
        if !(symbol == '*' || symbol.is_ascii_uppercase() || aromatic) {
            return Err(Fault::Syntax);
        }
        let second = usize::from(inside[symbol.len_utf8()..].starts_with(letters));
        let rest = &inside[symbol.len_utf8() + second..];
        if !rest.chars().all(|c| c.is_ascii_digit() || "@H+-:".contains(c)) {
            return Err(Fault::Syntax);
        }
        self.skip(end + 1);
        self.add(None, aromatic, false)
    }

    fn add(&mut self, most: Option<u32>, aromatic: bool, shares: bool) -> Result<(), Fault> {
        let new = self.atoms.len();
        self.atoms.push(Atom {
            most,
            aromatic,
            bonds: 0,
            ring: 0,
            shares: aromatic && shares,
        });
        let order = self.bond.take();
        if let Some(last) = self.last {
            self.join(last, new, order);
        }
        self.last = Some(new);
        Ok(())
    }

    fn join(&mut self, a: usize, b: usize, order: Option<u32>) {
        let aromatic = order.is_none() && self.atoms[a].aromatic && self.atoms[b].aromatic;
        for at in [a, b] {
            self.atoms[at].bonds += order.unwrap_or(1);
            self.atoms[at].ring += u32::from(aromatic);
            // A double bond that points out of the ring is none within it.
            self.atoms[at].shares &= order != Some(2);
        }
        self.bonded.insert((a, b));
    }

    /// A digit opens a ring at the last atom, or closes the one of this number.
    fn ring(&mut self, number: u32) -> Result<(), Fault> {
        let here = self.last.ok_or(Fault::Ring)?;
        let order = self.bond.take();
        let Some((other, first)) = self.rings.remove(&number) else {
            self.rings.insert(number, (here, order));
            return Ok(());
        };
        // Both ends may say the bond; then they must agree.
        let disagree = first.zip(order).is_some_and(|(a, b)| a != b);
        if other == here || disagree || self.bonded.contains(&(other, here)) {
            return Err(Fault::Ring);
        }
        self.join(other, here, first.or(order));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn molecules_pass() {
        let good = [
            "C",
            "CC(=O)O",
            "c1ccccc1",
            "N#Cc1ccc(cc1)C(F)Cl",
            "CC(C)(C)N1CCOCC1",
            "c1ccc2ccccc2c1",
            "O=S(=O)(N)c1ccsc1",
            "[NH4+].[Cl-]",
            "C[C@H](N)C(=O)O",
            "F/C=C/F",
            "C%12CCCC%12",
            "c1cc[nH]c1",
            "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
            "c1ccc(cc1)-c1ccncc1",
            "OB(O)c1ccccc1",
            "BrCCI",
            "CS(=O)(=O)C",
            "*CC",
            "c1cc(sc1)C",
            "O=c1cc[nH]cc1",
            "C(C1)C1",
        ];
        for smiles in good {
            assert_eq!(check(smiles), Ok(()), "{smiles}");
        }
    }

    #[test]
    fn what_is_none_is_told_by_its_fault() {
        let bad = [
            ("", Fault::Syntax),
            ("C(", Fault::Syntax),
            ("C)", Fault::Syntax),
            ("C()C", Fault::Syntax),
            ("(C)", Fault::Syntax),
            ("C=", Fault::Syntax),
            ("=C", Fault::Syntax),
            ("C==C", Fault::Syntax),
            ("C.", Fault::Syntax),
            ("[C", Fault::Syntax),
            ("CX", Fault::Letter),
            ("C1CC", Fault::Ring),
            ("C11", Fault::Ring),
            ("C1C1", Fault::Ring),
            ("C(C)(C)(C)(C)C", Fault::Valence),
            ("O(C)(C)C", Fault::Valence),
            ("CF=C", Fault::Valence),
            ("C#C=C", Fault::Valence),
            ("c1ccccc1(C)C", Fault::Valence),
            ("cC", Fault::Aromatic),
            ("CcC", Fault::Aromatic),
        ];
        for (smiles, fault) in bad {
            assert_eq!(check(smiles), Err(fault), "{smiles}");
        }
    }
}
