use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};

use super::certificate::Certificate;
use super::*;
use crate::config::{AlternativeKind, AlternativeName, LoginFrom};
