/** How high an empty editor is, in pixels, its border included: what stands for it until it is loaded is as high. */
export const TALL = 242;
export const LOW = 98;
