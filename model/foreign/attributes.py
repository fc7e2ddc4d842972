"""Attributes of HDF5 objects, looked at before the library reads them. No Keras.

WORKAROUND: reading an attribute whose kind was changed to a list of changing length ends the
process in native code (h5py 3.14). Found by fuzzing; recheck with each h5py.
"""

from __future__ import annotations

from typing import Any

import h5py

_PLAIN = (h5py.h5t.TypeStringID, h5py.h5t.TypeIntegerID, h5py.h5t.TypeFloatID)
"""Texts, and what an empty list of texts is stored as."""


def read_attribute(holder: h5py.HLObject, name: str) -> Any:
    """The value of an attribute of texts; None if there is none of this name.

    Raises:
        ValueError: it holds something else.
    """
    if name not in holder.attrs:
        return None
    kind = h5py.h5a.open(holder.id, name.encode()).get_type()
    if not isinstance(kind, _PLAIN):
        raise ValueError(f"the attribute {name} holds no text")
    return holder.attrs[name]
