import type { ThemeProps } from "@rjsf/core";
import { ArrayItemTemplate } from "./ArrayItemTemplate";
import { ArrayTemplate } from "./ArrayTemplate";
import { CheckboxesWidget } from "./CheckboxesWidget";
import { CheckboxWidget } from "./CheckboxWidget";
import { ChoiceField } from "./ChoiceField";
import { DateWidget } from "./DateWidget";
import { FieldTemplate } from "./FieldTemplate";
import { JsonField } from "./JsonField";
import { NumberField } from "./NumberField";
import { ObjectField } from "./ObjectField";
import { ObjectTemplate } from "./ObjectTemplate";
import { RadioWidget } from "./RadioWidget";
import { SelectWidget } from "./SelectWidget";
import { PasswordWidget, TextareaWidget, TextWidget } from "./TextWidget";

/** Forms from schemas with the looks of the portal. */
export const theme: ThemeProps = {
  fields: {
    AnyOfField: ChoiceField,
    OneOfField: ChoiceField,
    FallbackField: JsonField,
    NumberField,
    ObjectField,
  },
  templates: {
    ArrayFieldItemTemplate: ArrayItemTemplate,
    ArrayFieldTemplate: ArrayTemplate,
    FieldTemplate,
    ObjectFieldTemplate: ObjectTemplate,
  },
  widgets: {
    CheckboxWidget,
    CheckboxesWidget,
    DateTimeWidget: DateWidget,
    DateWidget,
    EmailWidget: TextWidget,
    PasswordWidget,
    RadioWidget,
    SelectWidget,
    TextareaWidget,
    TextWidget,
    TimeWidget: DateWidget,
    URLWidget: TextWidget,
  },
};
