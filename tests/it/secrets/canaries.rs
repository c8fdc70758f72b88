//! The secrets of the suite. Each is unlike all other text, in its halves too, and together they
//! hold every character that one encoding or another writes differently.

/// The key that the fake API knows.
pub(crate) const FAKE_API: &str = CANARIES[0];
/// A key that the fake API does not know.
pub(crate) const ANOTHER: &str = CANARIES[1];
/// What a plugin signs with.
pub(crate) const SIGNER: &str = CANARIES[2];
/// The key that hostile servers are shown.
pub(crate) const HOSTILE: &str = CANARIES[3];
/// What is in the environment while a library is tried out.
pub(crate) const TRIAL: &str = CANARIES[4];
/// The password for a mock server.
pub(crate) const PRISM: &str = CANARIES[5];
/// The password of projects that are never run to their end.
pub(crate) const UNSENT: &str = CANARIES[6];
/// The secret of an OAuth client.
pub(crate) const CLIENT: &str = CANARIES[7];
/// The password of a database of state.
pub(crate) const DATABASE: &str = CANARIES[19];

/// All of them. What can go into a header comes first.
pub(crate) const CANARIES: [&str; 40] = [
    "fk/9Qm2+xT8=vR4-us1",
    "an0ther/K3y+Zb6=Wd1q",
    "k3y-0f/th3+S1gner=Jd5",
    "hushed/k3y+of=one",
    "tr1al\"Mn4%2F'canary;Lx2",
    "pr1sm?Gh7&Tn3=oC#5e",
    "uns3nt:Vq9@Yb2/pass~w0",
    "c07 Rk4 m1xed spaces Pz",
    "c08\\Xs2\\back/slash\\Dw",
    "c09%41%2e%zzHc6%percnt",
    "c10&lt;Bf8<tag>Nk3;amp",
    "c11{\"json\":\"Uw5\"}[Ey]",
    "c12'sql''Ta9;--drop Vm",
    "c13====Jq7++++Fi2////=",
    "c14$dollar^Ow3|pipe`Sx",
    "c15.dots..Lg6/../Kd8._",
    "c16,comma;Ze1,\"q\",Ib4",
    "c17*star(Ph2)[Cu9]!bang",
    "c18#hash?Aq5&more=Rn7",
    "c19:colon@Hy3:at@Vt6::",
    "c20 m\u{e1}s \u{f1}and\u{fa} Wf8 \u{fc}ber",
    "c21/\u{5bc6}\u{7801}/Xk1/\u{65e5}\u{672c}",
    "c22\u{1f511}Bz4\u{1d11e}key\u{1f3b5}Mj",
    "c23 \u{441}\u{435}\u{43a}\u{440}\u{435}\u{442} Ol6 \"q\"",
    "c24+\u{20ac}100%Ds9+\u{a3}=5&",
    "c25/e\u{301}clat/Gr2/nai\u{308}ve",
    "c26\tTab\tQe7\tbetween",
    "c27\u{a0}nb\u{a0}Nv3\u{2003}em\u{a0}sp",
    "c28'\u{2019}quotes\u{201c}Ix5\u{201d}\"`",
    "c29\nline\nYp8\r\nbreaks\\n",
    "c30\"{\u{e9}}\"\nFa4\n\\u00e9\\",
    "c31-user-Lw9-info:Sb2",
    "c32-Mixed-Case-Uo7-Name",
    "c33~tilde_Kc3-dash.Ew1",
    "c34=padding==Zn6=of64==",
    "c35%%25%%Tg8%25%2525%",
    "c36/plugin+Jf5=sign/Hm",
    "c37\u{e4}plugin+Vd2 f\u{f6}ile",
    "c38\"panic\" {} Rs4 {0}",
    "c39\\panic\\ {:?} Cy9 \u{df}",
];
